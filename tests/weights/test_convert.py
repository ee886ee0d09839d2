"""From layout to layout and back: the same tensors under the same names."""

import pytest
import torch
from nets import (
    as_detectron2,
    classifier,
    hugging_face_net,
    image,
    mmdet_net,
    ours,
    timm_net,
    torchvision_net,
)
from other_libraries import randomise

from mmresnet.errors import UserError
from mmresnet.weights.convert import TARGETS, convert
from mmresnet.weights.load import load_weights

NETS = [
    *[("ResNet", depth) for depth in (18, 34, 50, 101, 152)],
    *[(type, depth) for type in ("ResNetV1c", "ResNetV1d") for depth in (18, 34, 50, 101, 152)],
    *[("CifarResNet", depth) for depth in (20, 56, 110)],
]
IMPOSSIBLE = {  # by the type of the net
    "ResNetV1c": ("torchvision", "hf"),
    "ResNetV1d": ("torchvision", "hf", "detectron2"),
    "CifarResNet": [name for name in TARGETS if name != "mmresnet"],
}


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize(("type", "depth"), NETS)
def test_there_and_back(type, depth, to):
    given = classifier(type, depth).state_dict()  # only names and identity matter here
    if to in IMPOSSIBLE.get(type, ()):
        possible = "is mmresnet" if type == "CifarResNet" else "are .*timm"
        with pytest.raises(UserError, match=f"the layout '{to}' has no .* possible {possible}"):
            convert(given, to)
        return
    there = convert(given, to)
    assert there.left_out == []
    assert len(there.tensors) == len(given)
    back = convert(there.tensors, "mmresnet")
    assert back.tensors.keys() == given.keys()
    assert all(back.tensors[name] is tensor for name, tensor in given.items())
    assert there.metadata["layout"] == to


def test_three_stages_of_a_larger_net_are_no_net_for_cifar():
    given = ours(depth=18, num_stages=3).state_dict()
    assert len(convert(given, "torchvision").tensors) == len(given)


@pytest.mark.parametrize(
    ("to", "make", "type", "depth"),
    [
        ("torchvision", lambda: torchvision_net("resnet50", num_classes=10), "ResNet", 50),
        ("timm", lambda: timm_net("resnet50", num_classes=10), "ResNet", 50),
        ("timm", lambda: timm_net("resnet50c", num_classes=10), "ResNetV1c", 50),
        ("timm", lambda: timm_net("resnet18d", num_classes=10), "ResNetV1d", 18),
        ("hf", lambda: hugging_face_net(50), "ResNet", 50),
    ],
)
@torch.no_grad()
def test_the_other_library_loads_what_was_converted(to, make, type, depth):
    if to == "hf":
        pytest.importorskip("transformers")
    peer, net = make(), randomise(classifier(type, depth)).eval()
    result = peer.load_state_dict(convert(net.state_dict(), to).tensors)
    assert str(result) == "<All keys matched successfully>"
    theirs = peer(image())
    assert torch.equal(getattr(theirs, "logits", theirs), net(image()))


@torch.no_grad()
def test_mmdet_loads_what_was_converted():
    peer, net = mmdet_net(deep_stem=True, avg_down=True), randomise(ours("ResNetV1d", 50)).eval()
    assert peer.load_state_dict(convert(net.state_dict(), "mmdet").tensors).missing_keys == []
    assert torch.equal(peer(image())[-1], net(image())[-1])


@torch.no_grad()
def test_statistics_are_added_where_caffe2_has_none():
    peer = randomise(ours(depth=50, style="caffe"))
    given = as_detectron2(peer, affine=True)
    converted = convert(given, "timm")
    assert converted.metadata["style"] == "caffe"
    net = ours(depth=50, style="caffe")
    report = load_weights(net, converted.tensors)
    assert report.complete
    assert report.statistics == 0
    direct = ours(depth=50, style="caffe")
    load_weights(direct, given)
    assert torch.equal(net(image())[0], direct(image())[0])


def test_what_is_left_out_is_listed():
    given = {f"backbone.{name}": tensor for name, tensor in ours().state_dict().items()}
    given["neck.fpn_convs.0.conv.weight"] = torch.zeros(1, 1, 3, 3)
    converted = convert({"state_dict": given}, "torchvision")
    assert converted.left_out == ["neck.fpn_convs.0.conv.weight"]
    assert converted.tensors["conv1.weight"] is given["backbone.conv1.weight"]


@pytest.mark.parametrize(
    ("make", "to", "words"),
    [
        (dict, "tim", "There is no layout 'tim', but mmresnet, .*Did you mean 'timm'"),
        (lambda: {"features.0.weight": torch.zeros(1)}, "timm", "no ResNet in the file"),
        (
            lambda: ours(norm_cfg=dict(type="GN", num_groups=4)).state_dict(),
            "hf",
            "does not say which norm layers there are .GN here",
        ),
        (
            lambda: {**ours().state_dict(), "layer4.0.context_block1.bias": torch.zeros(1)},
            "torchvision",
            "none of its operators and plugins .layer4.0.context_block1.bias",
        ),
    ],
)
def test_refusals(make, to, words):
    with pytest.raises(UserError, match=words):
        convert(make(), to)
