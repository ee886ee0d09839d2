"""The recipe for custom data: it builds, and trains from random weights on other classes."""

import math

import pytest
import torch
from mmengine.registry import MODELS

from mmresnet.config.load import load_config

RECIPE = "faster-rcnn_r18_fpn_scratch"


def test_levels_fit(mmdet_scope):
    cfg = load_config(RECIPE)
    model = MODELS.build(cfg.model).eval()
    features = model.extract_feat(torch.zeros(1, 3, 64, 96))
    assert [level.shape[2:] for level in features] == [(8, 12), (4, 6), (2, 3), (1, 2)]
    assert all(level.shape[1] == cfg.channels for level in features)
    strides = [stride[0] for stride in model.rpn_head.prior_generator.strides]
    assert strides == [8, 16, 32, 64]
    assert model.roi_head.bbox_roi_extractor.featmap_strides == strides[:3]


def test_nothing_is_frozen_or_downloaded():
    cfg = load_config(RECIPE)
    assert "init_cfg" not in cfg.model.backbone
    assert cfg.model.backbone.get("frozen_stages", -1) == -1
    assert not cfg.model.backbone.get("norm_eval", False)


@pytest.mark.full
def test_it_trains_on_the_classes_of_the_file(tiny_coco, tmp_path):
    from mmresnet.apis import train

    pytest.importorskip("mmdet")
    options = {"data_root": f"{tiny_coco}/", "num_workers": 0, "batch_size": 2}
    for loader, split in (("train", "train2017"), ("val", "val2017")):
        options[f"{loader}_dataloader.dataset.ann_file"] = f"annotations/instances_{split}.json"
        options[f"{loader}_dataloader.dataset.data_prefix.img"] = f"{split}/"
    options |= {"scale": (80, 64), "train_cfg.val_interval": 2, "experiment_name": "custom"}
    options |= {"train_cfg.max_epochs": 2, "param_scheduler.0.total_steps": 2}
    runner = train(RECIPE, work_dir=str(tmp_path), cfg_options=options, device="cpu")
    assert runner.model.roi_head.bbox_head.num_classes == 3
    assert math.isfinite(runner.message_hub.get_scalar("train/loss").current())
    assert math.isfinite(runner.message_hub.get_scalar("val/coco/bbox_mAP").current())
    (best,) = tmp_path.glob("best_coco_bbox_mAP_epoch_2.pth")
    weights = torch.load(best, weights_only=False)["state_dict"]
    assert weights["roi_head.bbox_head.fc_cls.weight"].shape[0] == 4
