"""The same weights give the same numbers as in torchvision, mmpretrain, mmdet and mmseg."""

import pytest
import torch
from other_libraries import import_mmdet_resnet, randomise, to_our_names

from mmresnet.models import backbones

import_mmdet_resnet()
mmpretrain = pytest.importorskip("mmpretrain.models.backbones")
torchvision = pytest.importorskip("torchvision")

FAMILY = [
    pytest.param(name, depth, marks=[] if depth in (18, 50) else pytest.mark.full)
    for name in ("ResNet", "ResNetV1c", "ResNetV1d", "ResNet_CIFAR")
    for depth in (18, 34, 50, 101, 152)
]
OPTIONS = {
    "caffe": dict(style="caffe"),
    "dilated": dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), out_indices=(0, 1, 2, 3)),
    "wide": dict(base_channels=32, stem_channels=16, expansion=2),
    "group norm": dict(norm_cfg=dict(type="GN", num_groups=4)),
    "weight standardisation": dict(
        conv_cfg=dict(type="ConvWS"), norm_cfg=dict(type="GN", num_groups=4)
    ),
    "drop path": dict(drop_path_rate=0.3),
    "checkpointed": dict(with_cp=True),
    "frozen": dict(frozen_stages=2, norm_eval=True),
    "three stages": dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(1, 2)),
    "fixed norm": dict(norm_cfg=dict(type="BN", requires_grad=False), norm_eval=True),
    "SyncBN": dict(norm_cfg=dict(type="SyncBN"), norm_eval=True),
}


def _is_checkpointed(net) -> bool:
    """Whether the other packages count each batch twice (tests/…/test_checkpointing.py)."""
    return any(block._run.__name__ == "_compute_twice" for block in net.layer1)


def assert_equal_steps(ours, theirs, size: int = 32, batch: int = 2) -> None:
    """Compare outputs in eval and train mode, gradients and running statistics bit for bit."""
    x = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(1))
    for training in (False, True):
        results = []
        for net in (ours, theirs):
            net.train(training)
            net.zero_grad()
            image = x.clone().requires_grad_()
            torch.manual_seed(2)  # the same stochastic depth
            outputs = net(image)
            sum(output.square().mean() for output in outputs).backward()
            results.append((outputs, image.grad))
        (outputs, image_grad), (expected, expected_grad) = results
        for a, b in zip(outputs, expected, strict=True):
            assert torch.equal(a, b), f"outputs differ by {(a - b).abs().max()}"
        assert torch.equal(image_grad, expected_grad)
        for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert a.requires_grad == b.requires_grad, name
            assert (a.grad is None) == (b.grad is None), name
            assert a.grad is None or torch.equal(a.grad, b.grad), f"gradient of {name}"
    for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        if not (name in dict(ours.named_buffers()) and _is_checkpointed(ours)):
            assert torch.equal(a, b), f"{name} after the step"


@pytest.mark.parametrize(("name", "depth"), FAMILY)
def test_every_depth_and_variant_equals_mmpretrain(name: str, depth: int) -> None:
    ours = getattr(backbones, name)(depth=depth)
    theirs = randomise(getattr(mmpretrain, name)(depth=depth))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert_equal_steps(ours, theirs)


@pytest.mark.parametrize("depth", (18, 50))
@pytest.mark.parametrize("option", OPTIONS)
def test_every_keyword_equals_mmpretrain(option: str, depth: int) -> None:
    keywords = {"base_channels": 16, "stem_channels": 16, **OPTIONS[option]}
    if depth == 18:
        keywords.pop("expansion", None)  # basic blocks have none
    ours = backbones.ResNet(depth=depth, **keywords)
    theirs = randomise(mmpretrain.ResNet(depth=depth, **keywords))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert_equal_steps(ours, theirs, size=64)


@pytest.mark.parametrize(("name", "depth"), [case for case in FAMILY if not case.marks])
def test_initial_weights_equal_mmpretrain_under_the_same_seed(name: str, depth: int) -> None:
    states = []
    for module in (backbones, mmpretrain):
        torch.manual_seed(0)
        net = getattr(module, name)(depth=depth)
        net.init_weights()
        states.append(net.state_dict())
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key


@pytest.mark.parametrize("depth", (18, 34, 50, 101, 152))
def test_plain_stem_has_torchvisions_names_and_outputs(depth: int) -> None:
    theirs = randomise(getattr(torchvision.models, f"resnet{depth}")())
    theirs.fc = torch.nn.Identity()
    ours = backbones.ResNet(depth=depth).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        pooled = ours(x)[0].mean(dim=(2, 3))
        assert torch.allclose(pooled, theirs.eval()(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "keywords",
    [
        dict(depth=18),
        dict(depth=50, frozen_stages=1, norm_cfg=dict(type="BN", requires_grad=False)),
        dict(depth=50, style="caffe", norm_eval=False),
        dict(depth=50, deep_stem=True, avg_down=True),
        dict(
            depth=50,
            plugins=[
                dict(
                    cfg=dict(type="ContextBlock", ratio=1 / 16),
                    stages=(False, True, True, True),
                    position="after_conv3",
                )
            ],
        ),
    ],
    ids=["basic", "frozen", "caffe", "V1d", "context block"],
)
def test_mmdets_resnet_is_equalled(keywords: dict) -> None:
    torch.manual_seed(0)
    theirs = import_mmdet_resnet()(**keywords)
    theirs.init_weights()
    randomise(theirs)
    ours = backbones.ResNet(**{"out_indices": (0, 1, 2, 3), "norm_eval": True, **keywords})
    ours.load_state_dict(to_our_names(theirs, ours))
    assert_equal_steps(ours, theirs, size=64)


DILATED = dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), base_channels=16, stem_channels=16)


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("ResNet", dict(depth=18, contract_dilation=True, **DILATED)),
        ("ResNetV1c", dict(depth=50, contract_dilation=True, **DILATED)),
        ("ResNetV1c", dict(depth=50, multi_grid=(1, 2, 4), **DILATED)),
        ("ResNetV1d", dict(depth=18, multi_grid=(2, 3, 5), contract_dilation=True, **DILATED)),
        (
            "ResNet",
            dict(depth=50, **{**DILATED, "strides": (1, 2, 1), "dilations": (1, 2, 3)})
            | dict(num_stages=3, out_indices=(0, 2), multi_grid=(1, 2, 4, 1, 2, 4)),
        ),
    ],
    ids=["contracted", "contracted V1c", "multi-grid V1c", "both V1d", "three stages"],
)
def test_mmsegmentations_resnet_is_equalled(name: str, keywords: dict) -> None:
    upstream = pytest.importorskip("mmseg.models.backbones")
    theirs = randomise(getattr(upstream, name)(**keywords))
    ours = getattr(backbones, name)(**{"out_indices": (0, 1, 2, 3), **keywords})
    ours.load_state_dict(to_our_names(theirs, ours))
    assert_equal_steps(ours, theirs, size=64)


@pytest.mark.parametrize("package", ["mmdet", "mmseg"])
@pytest.mark.parametrize(
    "keywords", [dict(depth=18), dict(depth=50, base_channels=32, stem_channels=32)]
)
def test_initial_weights_are_equal_under_the_same_seed(package: str, keywords: dict) -> None:
    theirs = pytest.importorskip(f"{package}.models.backbones").ResNet
    states = []
    for cls in (backbones.ResNet, theirs):
        torch.manual_seed(0)
        net = cls(**keywords)
        net.init_weights()
        states.append(net.state_dict())
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key
