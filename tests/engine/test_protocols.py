"""Test protocols: what they make of a config, and what a test by them computes."""

import re
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from small_classifier import SMALL
from torch.nn import functional as F
from torchvision.transforms import TenCrop

from mmresnet.config.load import load_config
from mmresnet.datasets.class_scores import load
from mmresnet.engine.assembly import build_model, prepare
from mmresnet.engine.protocols import SCALES, scales_for, use_protocol
from mmresnet.engine.run import test as run_test
from mmresnet.errors import UserError

MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


def test_the_papers_scales():
    assert SCALES == (224, 256, 384, 480, 640)
    assert scales_for(224) == list(SCALES)
    assert scales_for(32) == [32, 37, 55, 69, 91]  # 32, 36.6, 54.9, 68.6, 91.4


def test_ten_crops_of_a_config():
    cfg = load_config("resnet50_8xb32_in1k")
    model = cfg.model.to_dict()
    use_protocol(cfg, "ten-crop")
    assert cfg.model.to_dict() == {"type": "mmresnet.AverageScoresTTA", "module": model}
    load_file, resize, views = cfg.test_dataloader.dataset.pipeline
    assert (load_file.type, resize.type, resize.scale) == ("LoadImageFromFile", "ResizeEdge", 256)
    flips, crops, pack = views.transforms
    assert {(crop.type, crop.crop_size) for crop in crops} == {("mmresnet.CornerCrop", 224)}
    assert [crop.position for crop in crops] == [
        *("top_left", "top_right", "bottom_left", "bottom_right", "center"),
    ]
    assert [flip.prob for flip in flips] == [0, 1]
    assert [step.type for step in pack] == ["PackInputs"]
    assert cfg.test_dataloader.collate_fn.type == "pseudo_collate"
    assert cfg.val_dataloader.collate_fn.type == "default_collate"
    assert cfg.test_dataloader.batch_size == 32  # 16.8 M pixels are 33 times ten crops


def test_whole_images_of_a_config():
    cfg = load_config("resnet50_8xb256-rsb-a1-600e_in1k")
    assert use_protocol(cfg, "dense", [224, 320]) == [224, 320]
    assert (cfg.model.type, cfg.model.crop_size) == ("mmresnet.DenseTTA", 224)
    _, views = cfg.test_dataloader.dataset.pipeline
    resizes, flips, _ = views.transforms
    assert [step.scale for step in resizes] == [224, 320]
    assert {(step.backend, step.interpolation) for step in resizes} == {("pillow", "bicubic")}
    assert len(flips) == 2
    # 16.8 M pixels by 2 * 4/3 * (224² + 320²), which are 406,869
    assert cfg.test_dataloader.batch_size == 41


def test_the_border_of_ten_crops_is_the_trainings():
    cfg = load_config("cifar/resnet20_1xb128_cifar10")
    use_protocol(cfg, "ten-crop")
    (views,) = cfg.test_dataloader.dataset.pipeline
    assert {(one.padding, one.pad_val) for one in views.transforms[1]} == {(4, (125, 123, 114))}


def test_averaged_weights_are_those_of_the_checkpoint():
    cfg = load_config("resnet50_8xb128-tv-v2-600e_in1k")
    assert "EMAHook" in {hook.type for hook in cfg.custom_hooks}
    assert use_protocol(cfg, "dense") == list(SCALES)
    assert "EMAHook" not in {hook.type for hook in cfg.custom_hooks}


def test_the_recipes_own_test_is_left_alone():
    cfg = load_config("resnet50_8xb32_in1k")
    before = cfg.to_dict()
    assert use_protocol(cfg, "recipe") == []
    assert cfg.to_dict() == before


@pytest.mark.parametrize(
    ("recipe", "protocol", "scales", "said"),
    [
        ("resnet50_8xb32_in1k", "tencrop", None, "'tencrop' must be one .*Did you mean 'ten-crop'"),
        ("resnet50_8xb32_in1k", "ten-crop", [256], "the protocol is 'ten-crop': add --protocol de"),
        ("resnet50_8xb32_in1k", "recipe", [256], "the protocol is 'recipe'"),
        ("resnet50_8xb32_in1k", "dense", [256, 256], "give different positive numbers"),
        ("resnet50_8xb32_in1k", "dense", [0], "--scales 0: give"),
        ("resnet50_8xb32_in1k", "dense", [], "give different"),
        ("faster-rcnn_r50_fpn_1x_coco", "dense", None, "dense is for classifiers"),
        ("mmpretrain::convnext/convnext-tiny_32xb128_in1k-384px.py", "ten-crop", None, "nothing"),
        ("mmpretrain::efficientnet/efficientnet-b0_8xb32_in1k.py", "dense", None, "cannot be deri"),
    ],
)
def test_what_a_protocol_cannot_be_used_for(recipe, protocol, scales, said):
    with pytest.raises(UserError, match=said):
        use_protocol(load_config(recipe), protocol, scales)


@pytest.fixture(scope="module")
def options(tiny_images):
    sizes = {
        "test_dataloader.dataset.pipeline.1.scale": 36,
        "test_dataloader.dataset.pipeline.2.crop_size": 32,
        "test_evaluator.topk": (1,),
    }
    return {"data_root": str(tiny_images), **SMALL, **sizes}


@pytest.fixture(scope="module")
def trained(options, tmp_path_factory):
    """A net with random weights, and the file of these."""
    torch.manual_seed(0)
    model = build_model(prepare("resnet50_8xb32_in1k", options)).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    torch.nn.init.normal_(model.head.fc.weight)  # so that the scores differ
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save({"state_dict": model.state_dict()}, path)
    return model, str(path)


def resized(path, short_side):
    """Return an image in RGB, resized as mmpretrain's ResizeEdge does."""
    image = cv2.imread(str(path))
    height, width = image.shape[:2]
    if width < height:
        size = short_side, int(short_side * height / width)
    else:
        size = int(short_side * width / height), short_side
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)[..., ::-1]


@torch.no_grad()
def features(model, pixels):
    """Return the last feature map of an array (H, W, 3) in RGB."""
    normal = torch.from_numpy((np.asarray(pixels) - MEAN) / STD).float()
    return model.backbone(normal.permute(2, 0, 1)[None])[-1]


def check(found, wanted, images):
    names = [f"{path.parent.name}/{path.name}" for path in images]
    assert found.images == names
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.classes == ["cat", "dog", "owl"]
    np.testing.assert_allclose(found.scores, torch.stack(wanted).detach().numpy(), atol=2e-5)


def test_a_test_on_ten_crops(options, trained, tiny_images, tmp_path):
    model, weights = trained
    settings = {"work_dir": str(tmp_path), "cfg_options": options, "device": "cpu"}
    path = tmp_path / "a.npz"
    metrics = run_test("resnet50_8xb32_in1k", weights, protocol="ten-crop", scores=path, **settings)
    images = sorted((tiny_images / "val").rglob("*.jpg"))
    wanted = []
    for image in images:
        crops = TenCrop(32)(Image.fromarray(resized(image, 36)))
        logits = [model.head.fc(features(model, one).mean((2, 3)))[0] for one in crops]
        wanted.append(torch.stack(logits).softmax(1).mean(0))
    found = load(path)
    check(found, wanted, images)
    accuracy = 100 * (found.scores.argmax(1) == found.labels).mean()
    assert metrics["accuracy/top1"] == pytest.approx(accuracy)
    assert found.test["protocol"] == "ten-crop"
    assert found.test["config"] == "resnet50_8xb32_in1k"
    assert found.test["checkpoint"] == "random.pth"
    assert len(found.test["sha256"]) == 64
    with pytest.raises(UserError, match="another test, with protocol 'ten-crop' instead of 'reci"):
        run_test("resnet50_8xb32_in1k", weights, scores=path, **settings)


def dense_scores(model, path, sides, window):
    """Return the scores of an image by the definition, one view after the other."""
    views = []
    for side in sides:
        pixels = resized(path, side)
        for view in (pixels, pixels[:, ::-1]):
            means = F.avg_pool2d(features(model, np.ascontiguousarray(view)), window, stride=1)
            views.append(model.head.fc(means.flatten(2).transpose(1, 2)).mean(1)[0])
    return torch.stack(views).softmax(1).mean(0)


def test_a_test_on_whole_images(options, trained, tiny_images, tmp_path):
    model, weights = trained
    path = tmp_path / "a.npz"
    run_test(
        "resnet50_8xb32_in1k",
        weights,
        work_dir=str(tmp_path),
        cfg_options=options,
        device="cpu",
        protocol="dense",
        scales=[32, 70],
        scores=path,
    )
    images = sorted((tiny_images / "val").rglob("*.jpg"))
    # a crop of 32 has a map of one position at stride 32, and the image of 70×84 of 3×3
    check(load(path), [dense_scores(model, image, (32, 70), 1) for image in images], images)


@pytest.mark.full
def test_photographs_of_different_shapes(options, trained, sample_data, tmp_path):
    with tarfile.open(sample_data / "imagenet_sample_125.tar") as archive:
        members = [one for one in archive if one.name.endswith(".JPEG")][:12]
        archive.extractall(tmp_path, members=members, filter="data")
    files = sorted((tmp_path / "imagenet_sample").iterdir())
    for number, file in enumerate(files):
        folder = tmp_path / "val" / ("cat", "dog", "owl")[number // 4]
        folder.mkdir(parents=True, exist_ok=True)
        file.rename(folder / file.name)
    images = sorted((tmp_path / "val").rglob("*.JPEG"))
    assert len({resized(image, 70).shape for image in images}) > 2
    model, weights = trained
    sides = {
        "batch_size": 6,
        "data_root": str(tmp_path),
        "test_dataloader.dataset.pipeline.2.crop_size": 70,
        "test_dataloader.dataset.pipeline.1.scale": 80,
    }
    run_test(
        "resnet50_8xb32_in1k",
        weights,
        work_dir=str(tmp_path),
        cfg_options=options | sides,
        device="cpu",
        protocol="dense",
        scales=[70, 150],
        scores=tmp_path / "a.npz",
    )
    found = load(tmp_path / "a.npz")
    assert found.images == [f"{image.parent.name}/{image.name}" for image in images]
    # the map of a crop of 70 has 3×3 positions
    wanted = [dense_scores(model, image, (70, 150), 3) for image in images]
    np.testing.assert_allclose(found.scores, torch.stack(wanted).detach().numpy(), atol=2e-5)


@pytest.mark.parametrize(("protocol", "scales"), [("ten-crop", None), ("dense", [256, 384])])
def test_the_page_has_the_settings_of_the_protocols(protocol, scales):
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(tta_model.*?)^```", page, re.M | re.S)
    settings: dict = {}
    exec(blocks[protocol == "dense"], settings)
    cfg = load_config("resnet50_8xb32_in1k")
    use_protocol(cfg, protocol, scales)
    model = cfg.model.to_dict()
    del model["module"]
    assert settings["tta_model"] == model
    pipeline = cfg.to_dict()["test_dataloader"]["dataset"]["pipeline"]
    assert settings["tta_pipeline"] == pipeline
