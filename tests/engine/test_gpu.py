"""Training on a GPU: mixed precision, weights, random numbers; and on the CPU beside one."""

from pathlib import Path

import pytest
import torch
from mmengine.device import get_device
from mmengine.registry import MODELS, OPTIM_WRAPPERS
from torch import nn

import mmresnet.registry  # noqa: F401
from mmresnet.engine.random_state import fork_rng
from mmresnet.engine.run import train
from mmresnet.weights import load_weights

pytestmark = pytest.mark.gpu

SMALL = {
    "num_classes": 3,
    "batch_size": 4,
    "num_workers": 0,
    "model.backbone.depth": 18,
    "model.backbone.stem_channels": 8,
    "model.backbone.base_channels": 8,
    "model.head.in_channels": 64,
    "train_dataloader.dataset.pipeline.1.scale": 64,
    "val_dataloader.dataset.pipeline.2.crop_size": 64,
    "train_cfg.max_epochs": 1,
}


def backbone(**options: object) -> nn.Module:
    torch.manual_seed(0)
    small = {"depth": 18, "stem_channels": 8, "base_channels": 8, **options}
    return MODELS.build({"type": "mmresnet.ResNet", **small})


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_mixed_precision(dtype: str, memory_format: torch.memory_format, device: str) -> None:
    net = nn.Sequential(backbone(), nn.Flatten(), nn.Linear(64 * 4, 4))
    net[0].register_forward_hook(lambda module, inputs, maps: maps[-1])
    seen = []
    net[0].layer1.register_forward_hook(lambda module, inputs, output: seen.append(output))
    net.to(device).to(memory_format=memory_format)
    wrapper = OPTIM_WRAPPERS.build(
        {
            "type": "mmresnet.AmpOptimWrapper",
            "optimizer": torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9),
            "dtype": dtype,
        }
    )
    images, labels = torch.randn(8, 3, 64, 64).to(device), torch.arange(8).to(device) % 4
    losses = []
    for _ in range(20):  # the scaler may skip the first few
        with wrapper.optim_context(net):
            loss = nn.functional.cross_entropy(net(images), labels)
        wrapper.update_params(loss)
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert {output.dtype for output in seen} == {getattr(torch, dtype)}
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
    assert all(output.is_contiguous(memory_format=memory_format) for output in seen)
    scaled = {"loss_scaler"} & wrapper.state_dict().keys()
    assert bool(scaled) == (dtype == "float16")


def test_weights_of_either_device_load_into_a_model_on_the_other(
    device: str, tmp_path: Path
) -> None:
    saved, loaded = backbone().to(device), backbone().to(device)
    with torch.no_grad():
        for parameter in saved.parameters():
            parameter.mul_(2)
    torch.save(saved.state_dict(), tmp_path / "net.pth")
    load_weights(loaded, tmp_path / "net.pth")
    on_cpu = backbone()
    load_weights(on_cpu, tmp_path / "net.pth", map_location=device)
    for name, expected in saved.state_dict().items():
        assert loaded.state_dict()[name].device.type == device
        assert torch.equal(loaded.state_dict()[name], expected)
        assert torch.equal(on_cpu.state_dict()[name], expected.cpu())


def test_drawing_in_between_leaves_the_random_numbers_of_the_gpu(device: str) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3, device=device)
    torch.manual_seed(0)
    with fork_rng(5):
        assert not torch.equal(torch.rand(3, device=device), expected)
    assert torch.equal(torch.rand(3, device=device), expected)


def test_a_run_on_the_cpu_leaves_the_gpu_alone_and_visible(
    device: str, tiny_images: Path, tmp_path: Path
) -> None:
    before = get_device(), torch.cuda.is_available()
    allocated = torch.cuda.memory_allocated()
    options = {**SMALL, "data_root": str(tiny_images)}
    runner = train("resnet50_8xb32_in1k", str(tmp_path), cfg_options=options, device="cpu")
    assert {parameter.device.type for parameter in runner.model.parameters()} == {"cpu"}
    assert (get_device(), torch.cuda.is_available()) == before
    assert torch.cuda.memory_allocated() <= allocated
