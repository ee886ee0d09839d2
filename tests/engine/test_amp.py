"""Training in mixed precision: steps on the CPU, and the dtype on other devices."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS, OPTIM_WRAPPERS
from torch import nn

from mmresnet.engine.amp import AmpOptimWrapper, choose_dtype


class Classifier(nn.Module):
    """A ResNet-18 of a quarter of the width, and ten scores."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MODELS.build(
            {"type": "mmresnet.ResNet", "depth": 18, "stem_channels": 16, "base_channels": 16}
        )
        self.fc = nn.Linear(128, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.backbone(images)[-1].mean((2, 3)))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    torch.manual_seed(0)
    return Classifier()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """8 images of 32 × 32 pixels and their labels."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 3, 32, 32, generator=generator), torch.arange(8)


def train(net: nn.Module, wrapper: OptimWrapper, steps: int = 3) -> list[float]:
    """Train on one batch and return the loss of every step."""
    images, labels = batch()
    losses = []
    for _ in range(steps):
        with wrapper.optim_context(net):
            loss = nn.functional.cross_entropy(net(images), labels)
        wrapper.update_params(loss)
        losses.append(loss.item())
    return losses


def wrap(
    net: nn.Module, kind: str = "mmresnet.AmpOptimWrapper", lr: float = 0.01, **options
) -> OptimWrapper:
    """Build a wrapper by its name, as a config does."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    return OPTIM_WRAPPERS.build({"type": kind, "optimizer": optimizer, **options})


def small() -> nn.Linear:
    """A layer of one weight, 1, without bias."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    return net


def step_small(net: nn.Linear, wrapper: OptimWrapper, value: float) -> None:
    """Train with the gradient ``value / 4``: scaled by 65536, it still fits into float16."""
    with wrapper.optim_context(net):
        loss = net(torch.tensor([[value]])).float().sum() / 4
    wrapper.update_params(loss)


# --- the choice of a dtype ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device_type", "gpu_has_bfloat16", "expected"),
    [
        ("cpu", False, torch.bfloat16),
        ("cuda", True, torch.bfloat16),
        ("cuda", False, torch.float16),
        ("mps", False, torch.float16),
    ],
)
def test_the_device_decides(device_type, gpu_has_bfloat16, expected) -> None:
    assert choose_dtype(device_type, gpu_has_bfloat16) is expected


@pytest.mark.parametrize("requested", ["float16", torch.float16])
def test_an_explicit_dtype_is_used(requested) -> None:
    assert choose_dtype("cuda", True, requested) is torch.float16
    assert choose_dtype("cpu", False, requested) is torch.float16


def test_an_invalid_dtype_is_reported() -> None:
    with pytest.raises(ValueError, match=r"'bfloat61'.*Did you mean 'bfloat16'"):
        choose_dtype("cpu", False, "bfloat61")
    with pytest.raises(ValueError, match=r"'float32'.*type='OptimWrapper'"):
        choose_dtype("cpu", False, torch.float32)


@pytest.mark.parametrize("scale", ["static", -1.0, 0, True, None])
def test_an_invalid_scale_is_reported(scale) -> None:
    with pytest.raises(ValueError, match=f"loss_scale={scale!r}"):
        wrap(small(), loss_scale=scale)


def test_a_scale_without_effect_is_reported() -> None:
    with pytest.raises(ValueError, match=r"loss_scale=512\.0 has no effect"):
        wrap(small(), loss_scale=512.0, dtype="bfloat16")


# --- training -----------------------------------------------------------------------------------


def test_training_in_bfloat16_stays_close_to_float32(classifier) -> None:
    full, mixed = copy.deepcopy(classifier), copy.deepcopy(classifier)
    before = mixed.backbone.conv1.weight.detach().clone()
    seen = set()
    mixed.backbone.conv1.register_forward_hook(lambda *args: seen.add(args[-1].dtype))

    expected = train(full, wrap(full, "OptimWrapper", lr=1e-3))
    losses = train(mixed, wrap(mixed, lr=1e-3))

    assert seen == {torch.bfloat16}
    assert losses == pytest.approx(expected, abs=0.15)
    assert losses != expected
    assert losses[-1] < losses[0]
    assert {weight.dtype for weight in mixed.parameters()} == {torch.float32}
    assert not torch.equal(mixed.backbone.conv1.weight, before)


def test_outside_the_context_everything_is_float32(classifier) -> None:
    wrapper = wrap(classifier)
    with wrapper.optim_context(classifier):
        pass
    assert classifier(batch()[0]).dtype is torch.float32


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_gradients_accumulate_and_are_clipped(dtype: str) -> None:
    net = small()
    wrapper = wrap(net, dtype=dtype, accumulative_counts=2, clip_grad={"max_norm": 0.25})
    step_small(net, wrapper, 3.0)
    assert net.weight.item() == 1
    step_small(net, wrapper, 1.0)
    # the mean of the gradients, 0.5, is clipped to 0.25; lr is 0.01
    assert net.weight.item() == pytest.approx(1 - 0.01 * 0.25, abs=1e-6)


@pytest.mark.parametrize("scale", ["dynamic", 64, {"init_scale": 64.0}])
def test_a_scale_does_not_change_the_update(scale) -> None:
    net = small()
    step_small(net, wrap(net, loss_scale=scale, dtype="float16"), 2.0)
    assert net.weight.item() == pytest.approx(1 - 0.01 * 0.5, abs=1e-6)


def test_an_overflow_skips_the_step_and_lowers_only_a_dynamic_scale() -> None:
    for scale, expected in (({"init_scale": 64.0}, 32.0), (64.0, 64.0)):
        net = small()
        wrapper = wrap(net, loss_scale=scale, dtype="float16")
        step_small(net, wrapper, float("inf"))
        assert net.weight.item() == 1
        assert wrapper.loss_scaler.get_scale() == expected


def test_scaling_keeps_a_small_gradient_in_float16() -> None:
    """1e-5 · 1e-3 vanishes in float16, whose smallest positive number is 6e-8."""

    def gradient(**options) -> float:
        net = small()
        wrapper = wrap(net, dtype="float16", **options)
        with wrapper.optim_context(net):
            loss = (net(torch.tensor([[1e-3]])) * 1e-5).float().sum()
        wrapper.backward(loss)
        return net.weight.grad.item()

    assert gradient(loss_scale={"enabled": False}) == 0
    assert gradient(loss_scale=1024.0) / 1024 == pytest.approx(1e-8, rel=0.02)


# --- state --------------------------------------------------------------------------------------


def test_the_state_is_restored() -> None:
    net = small()
    wrapper = wrap(net, dtype="float16", loss_scale={"init_scale": 64.0})
    step_small(net, wrapper, 2.0)
    step_small(net, wrapper, float("inf"))
    state = wrapper.state_dict()

    other = wrap(small(), dtype="float16")
    other.load_state_dict(state)
    assert other.loss_scaler.get_scale() == 32
    momentum = other.optimizer.state[other.optimizer.param_groups[0]["params"][0]]
    assert momentum["momentum_buffer"].item() == 0.5
    assert "loss_scaler" in state  # the caller's dict is not changed


@pytest.mark.parametrize("dtype", ["float16", None])
def test_a_state_of_mmengine_loads(dtype: str | None) -> None:
    """Of its OptimWrapper, and of its AmpOptimWrapper, which has the scaler's state as well."""
    net = small()
    plain = wrap(net, "OptimWrapper")
    step_small(net, plain, 2.0)
    scaler = {
        "scale": 128.0,
        "growth_factor": 2.0,
        "backoff_factor": 0.5,
        "growth_interval": 2000,
        "_growth_tracker": 7,
    }
    for extra, expected in (({}, 65536.0), ({"loss_scaler": scaler}, 128.0)):
        wrapper = wrap(small(), dtype=dtype)
        wrapper.load_state_dict({**copy.deepcopy(plain.state_dict()), **extra})
        assert len(wrapper.optimizer.state) == 1
        if dtype == "float16":
            assert wrapper.loss_scaler.get_scale() == expected


def test_a_state_of_bfloat16_loads_into_float16() -> None:
    wrapper = wrap(small(), dtype="float16")
    wrapper.load_state_dict(wrap(small()).state_dict())
    assert wrapper.loss_scaler.get_scale() == 65536


def test_settings_of_several_groups_are_restored() -> None:
    def grouped() -> AmpOptimWrapper:
        nets = small(), small()
        groups = [{"params": net.parameters()} for net in nets]
        return AmpOptimWrapper(optimizer=torch.optim.SGD(groups, lr=0.1))

    first, second = grouped(), grouped()
    first.base_param_settings["lr"] = 0.025
    second.load_state_dict(first.state_dict())
    assert second.base_param_settings["lr"] == 0.025
