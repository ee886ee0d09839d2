"""Preprocessing from repositories' settings, against the packages that write them."""

import json

import pytest

from mmresnet.weights.hub import catalogue
from mmresnet.weights.hub.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from mmresnet.weights.hub.settings import preprocessing_beside

RESNET_50 = {  # microsoft/resnet-50
    "crop_pct": 0.875,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "ConvNextFeatureExtractor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "size": 224,
}


def beside(folder, **settings) -> Preprocessing | None:
    for name, content in settings.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return preprocessing_beside(folder / "model.safetensors")


def test_transformers(tmp_path):
    found = beside(tmp_path, preprocessor_config=RESNET_50, config={"depths": [3, 4, 6, 3]})
    assert found == catalogue.get("hf://microsoft/resnet-50").preprocessing


@pytest.mark.parametrize(
    ("changed", "resize", "size"),
    [
        ({"size": {"shortest_edge": 224}}, 256, 224),
        ({"size": {"shortest_edge": 384}}, None, 384),
        ({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}, 256, 224),
        ({"size": {"height": 224, "width": 224}, "crop_pct": None}, None, 224),
    ],
)
def test_sizes_as_transformers_writes_them(tmp_path, changed, resize, size):
    found = beside(tmp_path, preprocessor_config=RESNET_50 | changed)
    assert found == Preprocessing(IMAGENET_MEAN, IMAGENET_STD, "rgb", size, resize, "bicubic")


@pytest.mark.parametrize("name", ["resnet50.a3_in1k", "resnet18d.ra4_e3600_r224_in1k"])
def test_timm(tmp_path, name):
    timm = pytest.importorskip("timm")
    settings = {"pretrained_cfg": timm.get_pretrained_cfg(name).to_dict()}
    assert beside(tmp_path, config=settings) == catalogue.get(f"timm://{name}").preprocessing


def test_nothing_is_stated(tmp_path):
    assert beside(tmp_path) is None
    assert beside(tmp_path, config={"depths": [3, 4, 6, 3]}) is None
    assert beside(tmp_path, config=[1], preprocessor_config="text") is None
    (tmp_path / "config.json").write_text("<html>")
    assert beside(tmp_path) is None
