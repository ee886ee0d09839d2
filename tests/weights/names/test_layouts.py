"""The tables: each is read both ways, for every depth."""

import pytest
from nets import classifier, ours, timm_net

from mmresnet.weights.names.layouts import (
    CAFFE2,
    HUGGING_FACE,
    LAYOUTS,
    MMDET,
    MMPRETRAIN,
    TIMM,
    Net,
)
from mmresnet.weights.names.recognise import recognise

NETS = [
    *[("ResNet", depth) for depth in (18, 34, 50, 101, 152)],
    *[("ResNetV1c", depth) for depth in (18, 50)],
    *[("ResNetV1d", depth) for depth in (18, 50, 152)],
    ("CifarResNet", 20),
    ("CifarResNet", 110),
]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize(("type", "depth"), NETS)
def test_a_name_is_read_as_the_role_that_it_was_made_of(type, depth, layout):
    net = ours(type, depth)
    tensors = net.state_dict()
    own = recognise(tensors)
    assert len(own.keys) == len(tensors)
    named = 0
    for role, key in own.keys.items():
        name = layout.name_of(role, own.net)
        if name is not None:
            assert layout.role_of(name, tensors[key].ndim, own.deep)[0] == role
            named += 1
    counters = sum(key.endswith("num_batches_tracked") for key in tensors)
    if layout is CAFFE2:  # it has none
        assert own.deep or named == len(tensors) - counters
    else:
        assert own.deep not in layout.stems or named == len(tensors)


def test_names_of_peers_are_their_own():
    """Names as their publishers' files have them."""
    plain, d = Net(deep=False, avg_down=False), Net(deep=True, avg_down=True)
    shortcut = "stage1.0.shortcut.conv.weight"
    assert TIMM.name_of(shortcut, d) == "layer1.0.downsample.1.weight"
    assert MMDET.name_of(shortcut, d) == "layer1.0.downsample.1.weight"
    assert MMPRETRAIN.name_of(shortcut, d) == "layer1.0.downsample.0.weight"
    assert MMDET.name_of("stem1.norm.bias", d) == "stem.4.bias"
    assert TIMM.name_of("stem2.norm.bias", d) == "bn1.bias"
    assert CAFFE2.name_of("stage3.5.norm3.weight", plain) == "res4_5_branch2c_bn_s"
    assert CAFFE2.name_of("stem0.norm.bias", plain) == "res_conv1_bn_b"
    assert (
        HUGGING_FACE.name_of("stage4.2.conv1.weight", plain)
        == "encoder.stages.3.layers.2.layer.0.convolution.weight"
    )
    assert CAFFE2.name_of("stem1.conv.weight", d) is None
    assert CAFFE2.head_names() == {"head.weight": "fc1000_w", "head.bias": "fc1000_b"}


def test_every_name_of_timm_is_made_again():
    tensors = timm_net("resnet50d").state_dict()
    found = recognise(tensors)
    assert found.layout is TIMM
    made = {TIMM.name_of(role, found.net): key for role, key in found.keys.items()}
    assert made == {key: key for key in tensors if not key.startswith("fc.")}


def test_group_norm_keeps_its_name():
    tensors = ours("ResNetV1d", 18, norm_cfg=dict(type="GN", num_groups=4)).state_dict()
    found = recognise(tensors)
    assert found.norm == "gn"
    assert len(found.keys) == len(tensors)


def test_other_names_have_no_role():
    for name in ("layer1.0.conv4x.weight", "layer1.weight", "stem.0.weight", "fc.weight"):
        assert LAYOUTS["torchvision"].role_of(name, 4, False) is None


def test_a_classifier_has_its_head():
    found = recognise(classifier().state_dict())
    assert found.layout.name == "mmpretrain"
    assert found.head == {"head.weight": "head.fc.weight", "head.bias": "head.fc.bias"}
