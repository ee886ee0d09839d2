"""The paper's detectors (Tables 7, 8, 10 to 12): protocol, and runs on small sets."""

import ast
import math
import re

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, TRANSFORMS
from voc_folders import write_image, write_voc, write_xml

from mmresnet.config.find import recipe_paths
from mmresnet.config.load import load_config

pytest.importorskip("mmdet")

VOC07 = "faster-rcnn_r101-caffe_c4_80k_voc0712"
VOC12 = "faster-rcnn_r101-caffe_c4_80k_voc07pp12"
COCO = "faster-rcnn_r101-caffe_c4_320k_coco2014"
DET = "faster-rcnn_r101-caffe_c4_320k_imagenet-det"
BETTER_COCO = "faster-rcnn_r101-caffe_c4-refine-context-ms_320k_coco2014"
BETTER_VOC07 = "faster-rcnn_r101-caffe_c4-refine-context-ms_80k_voc0712"
BETTER_VOC12 = "faster-rcnn_r101-caffe_c4-refine-context-ms_80k_voc07pp12"
BETTER_DET = "faster-rcnn_r101-caffe_c4-refine-context-ms_320k_imagenet-det"
# box AP in the paper, steps and the step from which the learning rate is a tenth, images per step,
# regions per image, classes, sizes of anchors in pixels
PROTOCOL = {
    VOC07: (76.4, 80_000, 60_000, 1, 128, 20, [128, 256, 512]),
    VOC12: (73.8, 80_000, 60_000, 1, 128, 20, [128, 256, 512]),
    COCO: (27.2, 320_000, 240_000, 16, 64, 80, [64, 128, 256, 512]),
    DET: (None, 320_000, 240_000, 16, 64, 200, [64, 128, 256, 512]),
    BETTER_VOC07: (85.6, 80_000, 60_000, 1, 128, 20, [64, 128, 256, 512]),
    BETTER_VOC12: (83.8, 80_000, 60_000, 1, 128, 20, [64, 128, 256, 512]),
    BETTER_DET: (60.5, 320_000, 240_000, 16, 64, 200, [64, 128, 256, 512]),
}
every_recipe = pytest.mark.parametrize("name", PROTOCOL)


@every_recipe
def test_docstring_gives_command_source_and_number(name):
    path = recipe_paths()[name]
    text = " ".join(ast.get_docstring(ast.parse(path.read_text())).split())
    assert re.search(rf"(dist_train\.sh|train\.py|RECIPE=)[ \\]*configs/\w+/{name}\.py", text)
    assert re.search(r"Source: (the paper|He et al. 2015), Appendix [AB]", text)
    figure = PROTOCOL[name][0]
    assert ("No number is published" in text) == (figure is None)
    assert figure is None or f"Expect {figure} box AP" in text


@every_recipe
def test_protocol(name):
    """He et al. 2015, Appendix A; Ren et al. 2015, Sec. 3; py-faster-rcnn."""
    _, steps, drop, images, regions, classes, sizes = PROTOCOL[name]
    cfg = load_config(name)
    assert (cfg.train_cfg.by_epoch, cfg.train_cfg.max_iters) == (False, steps)
    (drops,) = cfg.param_scheduler
    assert (drops.milestones, drops.gamma, drops.by_epoch) == ([drop], 0.1, False)
    assert cfg.auto_scale_lr.base_batch_size == images
    assert cfg.train_dataloader.batch_size == (1 if images == 1 else images // 8)
    model = cfg.model
    assert model.train_cfg.rcnn.sampler.num == regions
    assert model.test_cfg.rpn.max_per_img == 300
    assert model.test_cfg.rcnn.nms.iou_threshold == 0.3
    assert model.roi_head.bbox_head.num_classes == cfg.num_classes == classes
    anchors = model.rpn_head.anchor_generator
    assert [anchors.strides[0] * scale for scale in anchors.scales] == sizes
    for net in (model.backbone, model.roi_head.shared_head):
        assert net.depth == 101 and not net.norm_cfg.requires_grad and net.norm_eval
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        data = loader.dataset.get("datasets", [loader.dataset])
        for part in data:
            (resize,) = [step for step in part.pipeline if step.type == "Resize"]
            assert resize.scale == (1000, 600) and resize.keep_ratio


@every_recipe
def test_builds(name, mmdet_scope):
    cfg = load_config(name)
    with torch.device("meta"):
        model = MODELS.build(cfg.model)
    trained = {key for key, value in model.named_parameters() if value.requires_grad}
    assert not any(key.startswith(("backbone.conv1", "backbone.layer1")) for key in trained)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    model.train()
    assert norms and not any(m.training or m.weight.requires_grad for m in norms)
    for step in cfg.test_dataloader.dataset.pipeline:
        TRANSFORMS.build(step)
    wrapper = build_optim_wrapper(torch.nn.Linear(2, 2), dict(cfg.optim_wrapper))
    groups = [(group["lr"], group["weight_decay"]) for group in wrapper.optimizer.param_groups]
    assert groups == [(0.001, 5e-4), (0.002, 0.0)]  # weights, biases


def test_anchors_are_py_faster_rcnns(mmdet_scope):
    """Its generate_anchors.py gives [-56, -56, 71, 71] for 128 pixels: first and last pixels."""
    from mmengine.registry import TASK_UTILS

    generator = TASK_UTILS.build(load_config(VOC07).model.rpn_head.anchor_generator)
    (anchors,) = generator.base_anchors
    squares = [row for row in anchors.tolist() if row[2] - row[0] == row[3] - row[1]]
    assert squares == [[-56, -56, 72, 72], [-120, -120, 136, 136], [-248, -248, 264, 264]]


@pytest.mark.parametrize("name", [BETTER_VOC07, BETTER_VOC12, BETTER_DET])
def test_improvements_are_those_of_coco(name):
    theirs = load_config(BETTER_COCO).model
    ours = load_config(name).model
    assert ours.type == theirs.type
    assert ours.roi_head.type == theirs.roi_head.type
    assert ours.roi_head.global_context and theirs.roi_head.global_context
    assert ours.test_cfg == theirs.test_cfg
    assert ours.rpn_head == theirs.rpn_head  # so that its weights fit


def test_what_is_trained_on():
    """07+12 and 07++12, as the paper and Fast R-CNN name them."""
    found = {}
    for name in (VOC07, VOC12):
        cfg = load_config(name)
        lists = [part.ann_file for part in cfg.train_dataloader.dataset.datasets]
        found[name] = lists, cfg.test_dataloader.dataset.ann_file, cfg.test_evaluator.eval_mode
        better = load_config({VOC07: BETTER_VOC07, VOC12: BETTER_VOC12}[name])
        assert better.train_dataloader == cfg.train_dataloader
        assert better.test_dataloader == cfg.test_dataloader
        assert better.test_evaluator == cfg.test_evaluator
    sets = "VOC{}/ImageSets/Main/{}.txt".format
    trainval07, test07 = sets(2007, "trainval"), sets(2007, "test")
    trainval12, test12 = sets(2012, "trainval"), sets(2012, "test")
    assert found[VOC07] == ([trainval07, trainval12], test07, "11points")
    assert found[VOC12] == ([trainval07, test07, trainval12], test12, "area")
    assert load_config(DET).train_dataloader.dataset.datasets[0].ann_file == ""


@pytest.mark.parametrize("name", [VOC07, VOC12, DET])
def test_another_place_of_the_data(name):
    cfg = load_config(name, {"data_root": "elsewhere/", "num_workers": 0})
    parts = [*cfg.train_dataloader.dataset.datasets, cfg.test_dataloader.dataset]
    assert {part.data_root for part in parts} == {"elsewhere/"}
    assert cfg.train_dataloader.num_workers == cfg.test_dataloader.num_workers == 0


# --- runs on small sets --------------------------------------------------------------------------

SMALL = {  # ResNet-18, whose blocks have no bottleneck, and few regions
    "num_workers": 0,
    "train_dataloader.persistent_workers": False,
    "model.backbone.depth": 18,
    "model.backbone.init_cfg": None,
    "model.rpn_head.in_channels": 256,
    "model.rpn_head.feat_channels": 8,
    "model.rpn_head.anchor_generator.scales": [1, 2],
    "model.roi_head.shared_head.depth": 18,
    "model.roi_head.shared_head.init_cfg": None,
    "model.roi_head.bbox_roi_extractor.out_channels": 256,
    "model.roi_head.bbox_head.in_channels": 512,
    "model.train_cfg.rcnn.sampler.num": 8,
    "model.train_cfg.rpn_proposal.max_per_img": 16,
    "model.test_cfg.rpn.max_per_img": 8,
    "model.test_cfg.rpn.min_bbox_size": 0,
    "model.test_cfg.rcnn.score_thr": -1.0,  # of an untrained net all scores may be 0
    "train_cfg.max_iters": 2,
    "train_cfg.val_interval": 2,
    "default_hooks.checkpoint.interval": 2,
    "default_hooks.logger.interval": 1,
}


def small(name, root, **options):
    """Return options with which a recipe runs in seconds on a set of images of 80 x 64 pixels."""
    cfg = load_config(name)
    found = {**SMALL, "data_root": f"{root}/", "experiment_name": name, **options}
    parts = len(cfg.train_dataloader.dataset.get("datasets", []))
    paths = [f"train_dataloader.dataset.datasets.{n}" for n in range(parts)]
    paths = paths or ["train_dataloader.dataset"]
    found |= {f"{path}.pipeline.2.scale": (80, 64) for path in paths}
    for loader in ("val_dataloader", "test_dataloader"):
        if cfg.get(loader):
            found[f"{loader}.dataset.pipeline.1.scale"] = (80, 64)
            found[f"{loader}.persistent_workers"] = False
    return found


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    root = tmp_path_factory.mktemp("VOCdevkit")
    objects = {
        "000001": [("cat", 11, 11, 60, 50, 0), ("dog", 31, 21, 70, 60, 1)],
        "000002": [("person", 5, 6, 50, 60, 0)],
        "000003": [("dog", 20, 10, 60, 50, 0)],
    }
    for split in ("trainval", "test"):
        write_voc(root / "VOC2007", objects, split)
    write_voc(root / "VOC2012", {f"2008_{name}": found for name, found in objects.items()})
    (root / "VOC2012" / "ImageSets" / "Main" / "test.txt").write_text("2008_t1\n2008_t2\n")
    for name in ("2008_t1", "2008_t2"):
        write_image(root / "VOC2012" / "JPEGImages" / f"{name}.jpg")
    return root


def trained(name, root, folder, **options):
    from mmresnet.apis import train

    runner = train(
        name, work_dir=str(folder), cfg_options=small(name, root, **options), device="cpu"
    )
    assert runner.iter == 2
    assert math.isfinite(runner.message_hub.get_scalar("train/loss").current())
    return runner.message_hub.log_scalars


@pytest.mark.full
def test_voc_2007(voc, tmp_path):
    scalars = trained(VOC07, voc, tmp_path)
    assert 0 <= scalars["val/pascal_voc/mAP"].current() <= 1
    assert list(tmp_path.glob("best_pascal_voc_mAP_iter_2.pth"))


@pytest.mark.full
def test_voc_2012_is_written_for_the_server(voc, tmp_path):
    from mmresnet.apis import test

    scalars = trained(VOC12, voc, tmp_path)
    assert not any(key.startswith("val/") for key in scalars)
    prefix = str(tmp_path / "results" / "comp4_det_test")
    options = small(VOC12, voc) | {"test_evaluator.outfile_prefix": prefix}
    found = test(VOC12, str(tmp_path / "iter_2.pth"), cfg_options=options, device="cpu")
    assert not found
    files = sorted((tmp_path / "results").glob("comp4_det_test_*.txt"))
    assert len(files) == 20
    images = {line.split()[0] for path in files for line in path.read_text().splitlines()}
    assert images == {"2008_t1", "2008_t2"}


@pytest.mark.full
def test_imagenet_det(tmp_path):
    root = tmp_path / "ILSVRC"
    for part, wnid in (("train/n02084071", "n02084071"), ("val", "n02391049")):
        for number in (1, 2):
            place = f"DET/{part}/{part[:3]}_{number}"
            write_image(root / "Data" / f"{place}.JPEG")
            write_xml(root / "Annotations" / f"{place}.xml", [(wnid, 10, 10, 60, 50, None)])
    (root / "ImageSets" / "DET").mkdir(parents=True)
    for part in ("val1", "val2"):
        (root / "ImageSets" / "DET" / f"{part}.txt").write_text(f"val_{part[-1]} {part[-1]}\n")
    scalars = trained(DET, root, tmp_path / "run")
    assert 0 <= scalars["val/imagenet_det/mAP"].current() <= 1


@pytest.mark.full
def test_coco_2014_and_voc_after_it(tiny_coco, voc, tmp_path):
    """The detector for COCO's classes goes on with VOC's, as for Tables 10 and 11."""
    options = {}
    for loader, split in (("train", "train2017"), ("val", "val2017")):
        options[f"{loader}_dataloader.dataset.ann_file"] = f"annotations/instances_{split}.json"
        options[f"{loader}_dataloader.dataset.data_prefix.img"] = f"{split}/"
    scalars = trained(COCO, tiny_coco, tmp_path / "plain", **options)
    assert 0 <= scalars["val/coco/bbox_mAP"].current() <= 1
    sides = {"model.test_cfg.rcnn.multi_scale.short_sides": (32, 64)}
    trained(BETTER_COCO, tiny_coco, tmp_path / "coco", **options, **sides)
    checkpoint = str(tmp_path / "coco" / "iter_2.pth")
    scalars = trained(BETTER_VOC07, voc, tmp_path / "voc", load_from=checkpoint, **sides)
    assert 0 <= scalars["val/pascal_voc/mAP"].current() <= 1
    first, then = (
        torch.load(path, weights_only=False)["state_dict"]
        for path in (checkpoint, tmp_path / "voc" / "iter_2.pth")
    )
    frozen = "backbone.layer1.0.conv1.weight"
    assert torch.equal(first[frozen], then[frozen])
    assert len(then["roi_head.bbox_head.fc_cls.weight"]) == 21
