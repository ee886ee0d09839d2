"""Checkpoints of other libraries in our nets: the same image, the same output."""

import pytest
import torch
from nets import (
    as_detectron2,
    build,
    classifier,
    difference,
    hugging_face_net,
    image,
    mmdet_net,
    ours,
    timm_net,
    torchvision_net,
)
from other_libraries import randomise

import mmresnet.ops
from mmresnet.weights.load import load_weights


def compare(peer: str, variant: str, report, mine: torch.Tensor, theirs: torch.Tensor) -> float:
    largest = difference(mine, theirs)
    print(
        f"{peer} | {variant} | {report.layout} | {report.loaded} of {report.total} | {largest:.1e}"
    )
    assert report.complete
    assert report.missing == report.shapes == report.replaced == []
    return largest


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
@torch.no_grad()
def test_torchvision(depth):
    peer = torchvision_net(f"resnet{depth}", num_classes=10)
    net = classifier("ResNet", depth)
    report = load_weights(net, peer.state_dict())
    assert report.head == "loaded, for 10 classes"
    assert report.left_over == []
    assert compare("torchvision", f"resnet{depth}", report, net(image()), peer(image())) == 0.0


@pytest.mark.parametrize(
    ("name", "type", "depth"),
    [
        ("resnet50", "ResNet", 50),
        ("resnet50c", "ResNetV1c", 50),
        ("resnet18d", "ResNetV1d", 18),
        ("resnet50d", "ResNetV1d", 50),
        ("resnet101d", "ResNetV1d", 101),
    ],
)
@torch.no_grad()
def test_timm(name, type, depth):
    peer = timm_net(name, num_classes=10)
    net = classifier(type, depth)
    report = load_weights(net, {"state_dict": peer.state_dict(), "arch": name})
    assert report.head == "loaded, for 10 classes"
    features = net.backbone(image())[-1]
    assert torch.equal(features, peer.forward_features(image()))
    assert compare("timm", name, report, net(image()), peer(image())) == 0.0


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
@torch.no_grad()
def test_hugging_face(depth):
    pytest.importorskip("transformers")
    peer = hugging_face_net(depth)
    net = classifier("ResNet", depth)
    report = load_weights(net, peer.state_dict())
    assert report.layout == "hf"
    assert report.head == "loaded, for 10 classes"
    theirs = peer(image())
    features = peer.resnet(image()).last_hidden_state
    assert torch.equal(net.backbone(image())[-1], features)
    assert compare("transformers", f"ResNet-{depth}", report, net(image()), theirs.logits) == 0.0


@pytest.mark.parametrize("type", ["ResNet", "ResNetV1c", "ResNetV1d"])
@torch.no_grad()
def test_mmpretrain(type):
    pool = dict(type="GlobalAveragePooling")
    head = dict(type="LinearClsHead", num_classes=10, in_channels=2048)
    backbone = dict(type=type, depth=50)
    model = dict(type="ImageClassifier", backbone=backbone, neck=pool, head=head)
    peer = build(model, "mmpretrain")
    randomise(peer).eval()
    net = classifier(type, 50)
    report = load_weights(net, {"state_dict": peer.state_dict(), "meta": {"epoch": 1}})
    assert report.layout == "mmpretrain"
    assert report.head == "loaded, for 10 classes"
    assert compare("mmpretrain", type, report, net(image()), peer(image())) == 0.0


@pytest.mark.parametrize(
    ("type", "settings"),
    [
        ("ResNet", {}),
        ("ResNet", {"style": "caffe"}),
        ("ResNetV1c", {"deep_stem": True}),
        ("ResNetV1d", {"deep_stem": True, "avg_down": True}),
    ],
)
@torch.no_grad()
def test_mmdet(type, settings):
    peer = mmdet_net(50, **settings)
    style = {"style": settings["style"]} if "style" in settings else {}
    net = ours(type, 50, out_indices=(0, 1, 2, 3), **style)
    detector = {f"backbone.{name}": tensor for name, tensor in peer.state_dict().items()}
    detector["roi_head.bbox_head.fc_cls.weight"] = torch.zeros(81, 1024)
    report = load_weights(net, {"state_dict": detector, "meta": {}})
    assert report.layout == "mmdet"
    assert report.left_over == ["roi_head.bbox_head.fc_cls.weight"]
    variant = f"{type} {' '.join(style.values())}"
    for mine, theirs in zip(net(image()), peer(image()), strict=True):
        assert compare("mmdet", variant, report, mine, theirs) == 0.0


@pytest.mark.parametrize("type", ["ResNet", "ResNetV1c", "ResNetV1d"])
@torch.no_grad()
def test_mmsegmentation(type):
    mmresnet.ops.install()
    try:
        from mmseg.models import backbones
    except (ImportError, AssertionError) as error:  # its check of mmcv's version is an assertion
        pytest.skip(f"mmsegmentation is not usable here: {error}")
    peer = randomise(getattr(backbones, type)(depth=50))
    peer.eval()  # returns nothing there
    net = ours(type, 50)
    segmentor = {f"backbone.{name}": tensor for name, tensor in peer.state_dict().items()}
    segmentor["decode_head.conv_seg.weight"] = torch.zeros(19, 512, 1, 1)
    report = load_weights(net, {"state_dict": segmentor})
    assert report.layout == "mmseg"
    assert compare("mmseg", type, report, net(image())[-1], peer(image())[-1]) == 0.0


@pytest.mark.parametrize("affine", [False, True])
@torch.no_grad()
def test_detectron2(affine):
    """detectron2 is not on the package index; its names are given to the weights by hand."""
    style = "caffe" if affine else "pytorch"
    peer = randomise(ours("ResNet", 50, style=style))
    net = ours("ResNet", 50, style=style)
    report = load_weights(net, {"model": as_detectron2(peer, affine), "matching_heuristics": True})
    assert report.layout == ("caffe2" if affine else "detectron2")
    assert report.statistics == (106 if affine else 0)
    largest = compare("detectron2", style, report, net(image())[-1], peer(image())[-1])
    # The folded scale is rounded once more than what it was folded from.
    assert largest < 1e-5 if affine else largest == 0.0
