"""The recipes of Table 9 differ from that of Table 8 in their improvements alone, and run."""

import json

import pytest
import torch
from mmengine.config import Config

from mmresnet import ops

ops.install()
pytest.importorskip("mmdet.models")

import tiny_detectors as tiny  # noqa: E402  it needs mmdet
from mmengine.registry import MODELS, DefaultScope  # noqa: E402

from mmresnet.apis import test as run_test  # noqa: E402
from mmresnet.config.load import load_config  # noqa: E402

NAME = "faster-rcnn_r101-caffe_c4{}_320k_coco2014"
REFINEMENT = {
    "roi_head.type": "mmresnet.RoIHead",
    "test_cfg.rcnn.box_refinement": True,
    "test_cfg.rcnn.box_voting.iou_threshold": 0.5,
}
CONTEXT = {**REFINEMENT, "roi_head.global_context": True}
MULTI_SCALE = {
    **CONTEXT,
    "type": "mmresnet.FasterRCNN",
    "test_cfg.rcnn.multi_scale.short_sides": (200, 400, 600, 800, 1000),
}


def flat(part, prefix=""):
    found = {}
    for key, value in part.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("-refine", REFINEMENT),
        ("-refine-context", CONTEXT),
        ("-refine-context-ms", MULTI_SCALE),
        ("-trainval", MULTI_SCALE),
    ],
)
def test_a_row_adds_its_improvement(row, expected):
    base, cfg = load_config(NAME.format("")), load_config(NAME.format(row))
    before, after = flat(base.model), flat(cfg.model)
    assert before.keys() <= after.keys()
    assert {key: value for key, value in after.items() if before.get(key) != value} == expected
    assert cfg.model.test_cfg.rpn.max_per_img == 300  # proposals, as in the paper
    assert cfg.model.test_cfg.rcnn.nms.iou_threshold == 0.3
    assert cfg.optim_wrapper == base.optim_wrapper
    assert cfg.param_scheduler == base.param_scheduler
    assert cfg.train_cfg.max_iters == base.train_cfg.max_iters == 320_000
    with torch.device("meta"), DefaultScope.overwrite_default_scope("mmdet"):
        model = MODELS.build(cfg.model)
    assert model.roi_head.bbox_head.fc_cls.out_features == 81
    assert model.roi_head.bbox_head.fc_cls.in_features == 2048 * (1 + (expected != REFINEMENT))


@pytest.mark.full
def test_the_validation_data_are_trained_on_and_test_dev_goes_to_the_server(
    scenes, tmp_path, monkeypatch
):
    """The test set has no annotations; what is written is what COCO's server reads."""
    cfg = load_config(NAME.format("-trainval"))
    files = [one.ann_file for one in cfg.train_dataloader.dataset.datasets]
    assert files == [f"annotations/instances_{part}2014.json" for part in ("train", "val")]
    images = [one.data_prefix.img for one in cfg.train_dataloader.dataset.datasets]
    assert images == ["train2014/", "val2014/"]
    assert cfg.val_dataloader is None

    annotated = Config.fromfile(scenes / "annotations" / "instances_val.json").to_dict()
    del annotated["annotations"]  # as in COCO's own file
    path = tmp_path / "annotations" / "image_info_test-dev2015.json"
    path.parent.mkdir()
    path.write_text(json.dumps(annotated))
    (tmp_path / "test2015").symlink_to(scenes / "val")
    cfg.model = tiny.fpn()
    cfg.model.test_cfg.rcnn.score_thr = 0.0
    checkpoint = tmp_path / "tiny.pth"
    meta = {"dataset_meta": {"classes": ("cat", "dog", "owl")}}
    torch.save({"meta": meta, "state_dict": tiny.build(cfg.model).state_dict()}, checkpoint)
    cfg.dump(str(tmp_path / "config.py"))
    monkeypatch.chdir(tmp_path)
    options = {
        "data_root": f"{tmp_path}/",
        "num_workers": 0,
        "test_dataloader.dataset.pipeline.1.scale": (96, 64),
    }
    run_test("config.py", str(checkpoint), device="cpu", cfg_options=options)
    written = json.loads((tmp_path / "work_dirs" / "coco_test-dev2015.bbox.json").read_text())
    assert len(written) >= 3
    assert {one["image_id"] for one in written} <= {0, 1, 2}
    assert {one["category_id"] for one in written} <= {1, 2, 3}
    assert all(len(one["bbox"]) == 4 for one in written)
