"""The backbone weights of every detection recipe load completely.

Nothing is downloaded: each file is made up, with random values under its publisher's names.
"""

from functools import cache

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from other_libraries import randomise

from mmresnet import ops
from mmresnet.config.find import recipe_paths
from mmresnet.config.load import load_config
from mmresnet.weights.hub import catalogue

ops.install()
pytest.importorskip("mmdet.models")
torchvision = pytest.importorskip("torchvision")

RECIPES = [  # those of 2x, 3x and Mask R-CNN start from the same files
    name
    for name, path in recipe_paths().items()
    if path.parent.name == "coco" and name.endswith("_1x_coco") and name.startswith("faster")
]
# file: (publisher, net)
PUBLISHED = {
    "resnet18-f37072fd.pth": ("torchvision", 18),
    "resnet50-0676ba61.pth": ("torchvision", 50),
    "resnet50-11ad3fa6.pth": ("torchvision", 50),
    "resnet101-63fe2227.pth": ("torchvision", 101),
    "resnet50_msra-5891d200.pth": ("mmdet", 50),
    "resnet101_msra-6cc46731.pth": ("mmdet", 101),
    "resnet50_8xb256-rsb-a1-600e_in1k_20211228-20e21305.pth": ("ResNet", 50),
    "resnetv1c50_8xb32_in1k_20220214-3343eccd.pth": ("ResNetV1c", 50),
    "resnetv1d50_b32x8_imagenet_20210531-db14775a.pth": ("ResNetV1d", 50),
}


@cache
def published(file):
    """Return a checkpoint under its publisher's names, and the backbone's tensors under ours."""
    publisher, depth = PUBLISHED[file]
    if publisher == "torchvision":
        tensors = randomise(getattr(torchvision.models, f"resnet{depth}")()).state_dict()
        return tensors, tensors
    if publisher == "mmdet":  # whose ResNet reads the file unchanged
        from mmdet.models.backbones import ResNet

        tensors = randomise(ResNet(depth, style="caffe")).state_dict()
        return {"state_dict": tensors}, tensors
    backbones = pytest.importorskip("mmpretrain.models.backbones")
    tensors = randomise(getattr(backbones, publisher)(depth=depth)).state_dict()
    return {"state_dict": {f"backbone.{k}": v for k, v in tensors.items()}}, tensors


def test_the_other_recipes_start_from_the_same_files():
    def checkpoint(name):
        return load_config(name).model.backbone.init_cfg.checkpoint

    others = {n for n, p in recipe_paths().items() if p.parent.name == "coco"} - set(RECIPES)
    assert {checkpoint(name) for name in others} <= {checkpoint(name) for name in RECIPES}


@pytest.mark.full
@pytest.mark.parametrize("name", RECIPES)
def test_every_tensor_of_the_backbone_is_loaded(name, monkeypatch, tmp_path):
    fetched = []

    def fetch(source):
        fetched.append(catalogue.get(source).url.rpartition("/")[2])
        torch.save(published(fetched[-1])[0], tmp_path / fetched[-1])
        return tmp_path / fetched[-1]

    monkeypatch.setattr("mmresnet.weights.hub.download.fetch", fetch)
    model = load_config(name).model
    parts = [model.backbone, *filter(None, [model.roi_head.get("shared_head")])]
    for part in parts:
        with DefaultScope.overwrite_default_scope("mmdet"):
            net = MODELS.build(part)
        net.init_weights()
        tensors = published(fetched[-1])[1]
        for key, value in net.state_dict().items():
            if "conv_offset" in key:  # DCN's own, initialized to zero
                assert not value.any(), key
            else:
                assert torch.equal(value, tensors[key]), key
    assert len(fetched) == len(parts)
