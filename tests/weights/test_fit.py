"""All of a backbone's tensors are loaded, or an error says what is missing and why."""

import pytest
import torch
from nets import classifier, image, ours, timm_net, torchvision_net
from other_libraries import randomise

from mmresnet.errors import UserError
from mmresnet.weights import WeightsError
from mmresnet.weights.fit import fit
from mmresnet.weights.load import load_weights

ALLOW = r"allow_partial=True"


def weights(type="ResNet", depth=18, **settings):
    return randomise(ours(type, depth, **settings)).state_dict()


def without(state_dict, *beginnings):
    return {name: tensor for name, tensor in state_dict.items() if not name.startswith(beginnings)}


@pytest.mark.parametrize(
    ("given", "model", "words"),
    [
        (
            lambda: weights(depth=34),
            lambda: ours(depth=18),
            "holds ResNet-34, and the model has ResNet-18",
        ),
        (lambda: weights(depth=18), lambda: ours(depth=34), "80 are missing"),
        (
            lambda: weights(depth=18),
            lambda: ours(depth=50),
            "holds ResNet-18, and the model has ResNet-50",
        ),
        (
            lambda: weights("ResNetV1c"),
            lambda: ours(),
            "holds ResNet-18-C, and the model has ResNet-18",
        ),
        (
            lambda: weights("ResNetV1d"),
            lambda: ours("ResNetV1c", 18),
            "ResNet-18-D, and the model has ResNet-18-C",
        ),
        (
            lambda: weights("CifarResNet", 20),
            lambda: ours("CifarResNet", 56),
            "ResNet-20 for CIFAR",
        ),
        (
            lambda: without(weights(), "layer4.1"),
            lambda: ours(),
            "10 are missing in it .layer4.1.conv1.weight",
        ),
        (
            lambda: without(weights(), "conv1"),
            lambda: ours(),
            "1 are missing in it .conv1.weight.*cut down",
        ),
        (
            lambda: weights(base_channels=32),
            lambda: ours(),
            r"file \(32,.*model \(64,.*differ in width",
        ),
        (
            lambda: weights(in_channels=1),
            lambda: ours(),
            r"conv1.weight: file \(64, 1, 7, 7\), model \(64, 3, 7, 7",
        ),
        (
            lambda: weights(),
            lambda: ours(norm_cfg=dict(type="GN", num_groups=4)),
            "of another kind: BatchNorm",
        ),
        (
            lambda: weights(norm_cfg=dict(type="GN", num_groups=4)),
            lambda: ours(),
            "of another kind: they have no running statistics",
        ),
        (
            lambda: {"features.0.weight": torch.zeros(1)},
            lambda: ours(),
            "holds no ResNet.*features.0.weight",
        ),
        (lambda: {"state_dict": {}}, lambda: ours(), r"holds no ResNet.*its first: none"),
        (lambda: {"epoch": 3}, lambda: ours(), "holds no ResNet"),
    ],
)
def test_a_part_of_a_backbone_is_refused(given, model, words):
    given, model = given(), model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError, match=f"(?s){words}") as told:
        load_weights(model, given)
    assert isinstance(told.value, UserError)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_part_may_be_asked_for():
    net, given = ours(depth=34), weights(depth=18)
    report = load_weights(net, given, allow_partial=True)
    assert not report.complete
    assert (report.loaded, report.total) == (100, 180)
    assert len(report.missing) == 80
    assert "100 of 180 tensors loaded" in str(report)
    assert "not loaded: layer1.2.conv1.weight" in str(report)
    assert torch.equal(net.layer2[0].conv1.weight, given["layer2.0.conv1.weight"])
    with pytest.raises(WeightsError, match=ALLOW):
        load_weights(net, given)
    with pytest.raises(WeightsError, match="holds no ResNet"):  # nothing would be loaded at all
        load_weights(net, {"x": torch.zeros(1)}, allow_partial=True)


def test_a_net_of_fewer_stages_takes_what_it_has():
    net = ours(depth=50, num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,))
    given = weights(depth=50)
    report = load_weights(net, given)
    assert report.complete
    assert all(name.startswith("layer4.") for name in report.left_over)
    assert torch.equal(net.layer3[5].bn3.running_var, given["layer3.5.bn3.running_var"])


@pytest.mark.parametrize("classes", [10, 7])
def test_the_head_may_be_for_another_number_of_classes(classes):
    net, peer = classifier(classes=7), torchvision_net("resnet18", num_classes=classes)
    head = net.head.fc.weight.clone()
    report = load_weights(net, peer.state_dict())
    assert report.complete
    if classes == 7:
        assert report.head == "loaded, for 7 classes"
        assert torch.equal(net.head.fc.weight, peer.fc.weight)
        assert report.replaced == []
    else:
        assert "for 10 classes in the file and 7 in the model" in report.head
        assert torch.equal(net.head.fc.weight, head)
        assert len(report.replaced) == 2


def test_the_head_may_differ_in_nothing_else():
    given = classifier(classes=10).state_dict()
    given["head.fc.weight"] = torch.zeros(10, 256)
    with pytest.raises(
        WeightsError, match=r"more than the number of classes: head.fc.weight: file"
    ):
        load_weights(classifier(classes=10), given)
    del given["head.fc.weight"]
    report = load_weights(classifier(classes=10), given)
    assert report.head == "the file has none; the model's is left unchanged"


def test_half_a_head_is_refused():
    given = torchvision_net("resnet18", num_classes=10).state_dict()
    del given["fc.bias"]
    with pytest.raises(WeightsError, match=r"head.fc.bias: not in the file"):
        load_weights(classifier(classes=10), given)


def test_old_files_have_no_num_batches_tracked():
    given = without(weights(), "never")
    given = {name: t for name, t in given.items() if not name.endswith("num_batches_tracked")}
    net = ours()
    net.bn1.num_batches_tracked += 5
    report = load_weights(net, given)
    assert report.complete
    assert report.counters == 20
    assert int(net.bn1.num_batches_tracked) == 0
    assert "20 num_batches_tracked are not in the file and start at 0" in str(report)


def test_only_frozen_norm_layers_may_lack_statistics():
    given = {name: t for name, t in weights().items() if "running" not in name}
    with pytest.raises(WeightsError, match="no running statistics"):
        load_weights(ours(), given)


def test_operators_and_plugins_are_left_unchanged():
    blocks = dict(
        plugins=[dict(cfg=dict(type="ContextBlock", ratio=0.25), position="after_conv3")], depth=50
    )
    net, given = ours(**blocks), weights(depth=50)
    report = load_weights(net, given)
    assert report.complete
    assert report.total == 265
    assert len(report.added) == 128
    assert all("context_block" in name for name in report.added)
    assert "128 tensors of operators and plugins, which a plain net lacks" in str(report)
    whole = randomise(net).state_dict()
    report = load_weights(ours(**blocks), whole)
    assert (report.added, report.total) == ([], 393)
    part = {name: t for name, t in whole.items() if "layer4.2.context_block" not in name}
    with pytest.raises(WeightsError, match="8 are missing in it"):
        load_weights(ours(**blocks), part)


def test_the_report_lists_what_is_left_over():
    report = load_weights(ours("ResNetV1d", 18), {"model": timm_net("resnet18d").state_dict()})
    assert report.left_over == []
    assert report.head == "the file's, for 1000 classes, has no place in the model"
    assert (report.layout, report.wrapper, report.net) == ("timm", "model", "ResNet-18-D")
    text = str(report)
    assert text.startswith("Weights of a state dict: ResNet-18-D, timm layout at 'model'.\n")
    assert "backbone: 110 of 110 tensors loaded" in text
    more = {"model": {**timm_net("resnet18d").state_dict(), "extra.weight": torch.zeros(1)}}
    report = load_weights(ours("ResNetV1d", 18), more)
    assert report.left_over == ["extra.weight"]
    assert "left over in the file: 1 tensors (extra.weight)" in str(report)


def test_a_model_without_our_backbone_is_not_ours():
    with pytest.raises(TypeError, match="Linear holds no backbone of mmresnet"):
        fit(torch.nn.Linear(1, 1), weights())


@torch.no_grad()
def test_two_backbones_get_each_their_own():
    student, teacher = randomise(ours(), 1), randomise(ours(depth=34), 2)
    given = {f"student.{name}": tensor for name, tensor in student.state_dict().items()}
    given |= {f"teacher.{name}": tensor for name, tensor in teacher.state_dict().items()}
    both = torch.nn.ModuleDict({"student": ours(), "teacher": ours(depth=34)})
    report = load_weights(both, given)
    assert (report.loaded, report.total) == (280, 280)
    assert torch.equal(both["student"].conv1.weight, student.conv1.weight)
    assert torch.equal(both["teacher"].layer3[5].conv2.weight, teacher.layer3[5].conv2.weight)


def test_plain_load_state_dict_takes_any_layout():
    peer = timm_net("resnet50d", num_classes=10)
    net = ours("ResNetV1d", 50)
    result = net.load_state_dict(peer.state_dict(), strict=False)
    assert result.missing_keys == []
    assert result.unexpected_keys == ["fc.weight", "fc.bias"]
    assert torch.equal(net(image())[0], peer.forward_features(image()))
    model = classifier("ResNetV1d", 50)
    assert str(model.load_state_dict(peer.state_dict())) == "<All keys matched successfully>"
    assert torch.equal(model(image()), peer(image()))
    wrapped = torch.nn.Sequential(torch.nn.Identity(), model)
    state = {f"1.{name}": tensor for name, tensor in model.state_dict().items()}
    assert str(wrapped.load_state_dict(state)) == "<All keys matched successfully>"
    with pytest.raises(RuntimeError, match="Missing key"):
        net.load_state_dict(without(peer.state_dict(), "layer1", "fc"))


def test_a_copy_takes_any_layout_too():
    import copy

    model, peer = classifier(classes=10), torchvision_net("resnet18", num_classes=10)
    twin = copy.deepcopy(model)
    twin.load_state_dict(peer.state_dict())
    assert torch.equal(twin.head.fc.weight, peer.fc.weight)
    assert not torch.equal(model.head.fc.weight, peer.fc.weight)
