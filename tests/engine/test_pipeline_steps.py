"""The parts of test pipelines: of our recipes, of mmpretrain's configs, and of none of these."""

import pytest

from mmresnet.config.load import load_config
from mmresnet.engine.pipeline_steps import read_steps
from mmresnet.errors import UserError

LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackInputs"}
EDGE = {"type": "ResizeEdge", "scale": 256, "edge": "short"}
CROP = {"type": "CenterCrop", "crop_size": 224}
RANDOM = {"type": "RandomCrop", "crop_size": 32, "padding": 4, "pad_val": (1, 2, 3)}


def types(steps):
    return [step["type"] for step in steps]


def of_config(name):
    cfg = load_config(name)
    return read_steps(cfg.test_dataloader.dataset.pipeline, cfg.train_dataloader.dataset.pipeline)


@pytest.mark.parametrize(
    ("name", "size", "corners", "padding"),
    [
        ("resnet50_8xb32_in1k", 224, True, None),
        ("resnet50_8xb256-rsb-a1-600e_in1k", 224, True, None),
        ("resnet50_8xb512-ffcv-16e_in1k", 256, True, None),
        ("resnet50_8xb128-tv-v2-600e_in1k", 224, True, None),
        ("cifar/resnet20_1xb128_cifar10", 32, False, 4),
        ("cifar/resnet20_1xb128_cifar10-images", 32, False, 4),
        ("digits_resnet20", 16, False, 2),
        ("mmpretrain::resnet/resnet18_8xb32_in1k.py", 224, True, None),
        ("mmpretrain::resnet/resnet18_8xb16_cifar10.py", 32, False, 4),
        ("mmpretrain::densenet/densenet121_4xb256_in1k.py", 224, True, None),
        ("mmpretrain::resnet/resnet50_8xb8_cub.py", 448, True, None),
    ],
)
def test_configs(name, size, corners, padding):
    steps = of_config(name)
    assert (steps.crop_size, steps.has_corners) == (size, corners)
    assert steps.padding.get("padding") == padding
    assert types(steps.after)[-1] == "PackInputs"


def test_all_parts():
    steps = read_steps([LOAD, EDGE, {"type": "NumpyToPIL"}, CROP, PACK], [RANDOM])
    assert steps.before == [LOAD]
    assert steps.resize == EDGE
    assert types(steps.between) == ["NumpyToPIL"]
    assert steps.after == [PACK]
    assert (steps.crop_size, steps.padding, steps.pillow) == (224, {}, True)
    assert steps.flips() == [
        {"type": "torchvision/RandomHorizontalFlip", "p": 0.0},
        {"type": "torchvision/RandomHorizontalFlip", "p": 1.0},
    ]


def test_without_a_crop():
    steps = read_steps([LOAD, PACK], [RANDOM])
    assert (steps.before, steps.resize, steps.between, steps.after) == ([LOAD], None, [], [PACK])
    assert steps.padding == {"padding": 4, "pad_val": (1, 2, 3)}
    assert steps.resized(37) == {"type": "ResizeEdge", "scale": 37, "edge": "short"}
    whole = read_steps([LOAD, EDGE, PACK], [{"type": "RandomResizedCrop", "scale": 160}])
    assert (whole.crop_size, whole.has_corners, whole.padding) == (160, True, {})
    # a border is that of the images which the training pads: of 32 pixels, and not of 64
    other = read_steps([LOAD, {"type": "Resize", "scale": 64}, PACK], [RANDOM])
    assert (other.crop_size, other.padding) == (64, {})


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (EDGE, {**EDGE, "scale": 300}),
        ({**EDGE, "backend": "pillow"}, {**EDGE, "backend": "pillow", "scale": 300}),
        ({"type": "Resize", "scale": 256}, {"type": "Resize", "scale": 300}),
        ({"type": "Resize", "scale": (256, 256)}, {"type": "Resize", "scale": [300, 300]}),
        (
            {"type": "torchvision/Resize", "size": 232, "interpolation": "bilinear"},
            {"type": "torchvision/Resize", "size": 300, "interpolation": "bilinear"},
        ),
    ],
)
def test_another_size_by_the_same_step(step, wanted):
    assert read_steps([LOAD, step, CROP, PACK]).resized(300) == wanted


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        ([LOAD, {"type": "EfficientNetCenterCrop", "crop_size": 224}, PACK], "'EfficientNetCenter"),
        ([LOAD, {"type": "TestTimeAug", "transforms": []}], "'TestTimeAug' is none of ResizeEdge"),
        ([LOAD, CROP, EDGE, PACK], "does not resize once and then crop once"),
        ([LOAD, EDGE, EDGE, PACK], "does not resize once"),
        ([LOAD, PACK], "neither the test pipeline"),
        ([LOAD, EDGE, {"type": "CenterCrop", "crop_size": (224, 192)}, PACK], "224×192 pixels is"),
        (
            [LOAD, {**EDGE, "scale": 200}, CROP, PACK],
            "crops 224×224 from images with a side of 200",
        ),
    ],
)
def test_other_pipelines_are_refused(pipeline, said):
    with pytest.raises(UserError, match=f"cannot be derived .*{said}.*docs/testing.md"):
        read_steps(pipeline)


@pytest.mark.parametrize(
    "step",
    [
        {**EDGE, "edge": "long"},
        {"type": "Resize", "scale": (256, 300), "keep_ratio": True},
        {"type": "Resize", "scale_factor": 2.0},
    ],
)
def test_a_step_without_a_short_side_is_refused(step):
    with pytest.raises(UserError, match="short"):
        read_steps([LOAD, step, CROP, PACK]).resized(300)
