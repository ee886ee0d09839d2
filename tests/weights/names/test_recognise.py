"""What a checkpoint holds, in whatever it is wrapped."""

import pytest
import torch
from nets import classifier, ours, timm_net, torchvision_net

from mmresnet.weights.names.recognise import recognise, unwrap

# as many blocks as the paper's ResNet-14 for CIFAR, behind the stem for ImageNet
CUT = dict(depth=18, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,))
TENSORS = {"conv1.weight": torch.zeros(1, 1, 1, 1), "fc.bias": torch.zeros(1)}


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (TENSORS, ""),
        ({"state_dict": TENSORS, "epoch": 3}, "state_dict"),
        ({"model": TENSORS, "optimizer": {"state": {}}}, "model"),
        ({"ema_state_dict": TENSORS}, "ema_state_dict"),
        ({"model": {"state_dict": TENSORS}}, "model.state_dict"),
        ({"state_dict": {f"module.{k}": v for k, v in TENSORS.items()}}, "state_dict"),
        ({f"_orig_mod.module.{k}": v for k, v in TENSORS.items()}, ""),
        ({f"module._orig_mod.{k}": v for k, v in TENSORS.items()}, ""),
        ({"blobs": TENSORS}, "blobs"),
        ({**TENSORS, "__author__": "somebody", "matching_heuristics": True}, ""),
        ({"epoch": torch.tensor(3), "net": TENSORS}, "net"),
    ],
)
def test_wrappers(content, where):
    tensors, found, others = unwrap(content)
    assert list(tensors) == list(TENSORS)
    assert all(tensors[name] is tensor for name, tensor in TENSORS.items())
    assert (found, others) == (where, [])


def test_weights_beside_their_average():
    average = {name: tensor + 1 for name, tensor in TENSORS.items()}
    content = {"state_dict_ema": average, "state_dict": TENSORS}
    tensors, found, others = unwrap(content)
    assert (found, others) == ("state_dict", ["state_dict_ema"])
    assert tensors["fc.bias"] is TENSORS["fc.bias"]
    assert unwrap(content, "state_dict_ema")[0]["fc.bias"] is average["fc.bias"]
    with pytest.raises(
        KeyError, match="holds no weights at 'teacher', but state_dict, state_dict_ema"
    ):
        unwrap(content, "teacher")


@pytest.mark.parametrize(
    ("make", "layout", "net"),
    [
        (lambda: torchvision_net("resnet18"), "torchvision", "ResNet-18"),
        (lambda: timm_net("resnet101d"), "timm", "ResNet-101-D"),
        (lambda: timm_net("resnet50c"), "timm", "ResNet-50-C"),
        (lambda: ours("ResNetV1d", 34), "mmpretrain", "ResNet-34-D"),
        (
            lambda: ours("ResNet", 50, avg_down=True),
            "torchvision",
            "ResNet-50-D without a deep stem",
        ),
        (lambda: ours("CifarResNet", 56), "torchvision", "ResNet-56 for CIFAR"),
        (lambda: classifier("ResNetV1c", 18), "mmpretrain", "ResNet-18-C"),
        (
            lambda: ours(
                "ResNet", 50, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,)
            ),
            "torchvision",
            "ResNet-50",
        ),
        (lambda: ours(**CUT), "torchvision", "ResNet-18"),
        (lambda: ours("CifarResNet", 14), "torchvision", "ResNet-14 for CIFAR"),
    ],
)
def test_nets(make, layout, net):
    found = recognise(make().state_dict())
    assert (found.layout.name, found.describe()) == (layout, net)


def test_of_two_nets_the_one_that_is_asked_for():
    student, teacher = ours(depth=18).state_dict(), ours(depth=34).state_dict()
    both = {f"student.backbone.{name}": tensor for name, tensor in student.items()}
    both |= {f"teacher.backbone.{name}": tensor for name, tensor in teacher.items()}
    assert recognise(both, within="student.").describe() == "ResNet-18"
    assert recognise(both).prefix == "teacher.backbone."  # the larger part


def test_another_net_is_none():
    assert recognise({"features.0.weight": torch.zeros(1, 1, 3, 3)}) is None
    assert recognise({}) is None
