"""Both of mmcv's synchronized norm layers, without a GPU."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed, nn

import mmresnet.ops

mmresnet.ops.install()
from mmcv.cnn import build_norm_layer  # noqa: E402
from mmcv.ops import SyncBatchNorm  # noqa: E402  needs the operators


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    """A process group of this process."""
    distributed.init_process_group("gloo", f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def pair(**keywords: object) -> tuple[nn.Module, nn.Module]:
    """Return mmcv's layer and torch's BatchNorm with the same weights."""
    ours, theirs = SyncBatchNorm(3, **keywords), nn.BatchNorm2d(3)
    with torch.no_grad():
        for layer in (ours, theirs):
            layer.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
            layer.bias.copy_(torch.tensor([0.1, 0.2, 0.3]))
    return ours, theirs


def test_by_hand(process_group: None) -> None:
    """Mean 3 and variance 4 over all pixels of the channel."""
    layer = SyncBatchNorm(1, eps=0.0, momentum=0.5)
    nn.init.constant_(layer.weight, 10.0)
    nn.init.constant_(layer.bias, 1.0)
    output = layer(torch.tensor([[[[1.0, 5.0]]], [[[1.0, 5.0]]]]))
    assert output.flatten().tolist() == [-9, 11, -9, 11]
    assert layer.running_mean.item() == 1.5
    assert layer.running_var.item() == pytest.approx(0.5 + 0.5 * 4 * 4 / 3)


@pytest.mark.parametrize("mode", ["default", "N"])
def test_one_process_equals_batch_norm(process_group: None, mode: str) -> None:
    ours, theirs = pair(stats_mode=mode)
    x = torch.randn(4, 3, 5, 6)
    a, b = (x.clone().requires_grad_() for _ in range(2))
    gradient = torch.randn_like(x)
    ours(a).backward(gradient)
    theirs(b).backward(gradient)
    torch.testing.assert_close(a.grad, b.grad)
    for name, buffer in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], buffer)
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name).grad, parameter.grad)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_float16_is_computed_in_float32(process_group: None) -> None:
    ours, theirs = pair()
    x = torch.randn(4, 3, 5, 6).half().requires_grad_()
    output = ours(x)
    output.float().square().sum().backward()
    assert output.dtype == x.grad.dtype == torch.float16
    wide = x.detach().float().requires_grad_()
    expected = theirs(wide)
    expected.square().sum().backward()
    torch.testing.assert_close(output.float(), expected, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(x.grad.float(), wide.grad, rtol=1e-2, atol=1e-2)


def test_without_running_statistics(process_group: None) -> None:
    ours, theirs = pair(track_running_stats=False)
    x = torch.randn(4, 3, 5, 6)
    torch.testing.assert_close(ours(x), theirs(x))
    assert ours.running_mean is None


def test_no_images_leave_the_statistics_unchanged(process_group: None) -> None:
    ours, _ = pair()
    assert ours(torch.zeros(0, 3, 5, 6)).shape == (0, 3, 5, 6)
    assert ours.running_mean.tolist() == [0, 0, 0]
    assert ours.running_var.tolist() == [1, 1, 1]


def test_syncbn_is_torchs_layer_and_mmsyncbn_is_mmcvs(process_group: None) -> None:
    assert isinstance(build_norm_layer(dict(type="SyncBN"), 3)[1], nn.SyncBatchNorm)
    assert isinstance(build_norm_layer(dict(type="MMSyncBN"), 3)[1], SyncBatchNorm)


TWO = """
import gc
import sys
from functools import partial
import torch
from torch import distributed, nn
import mmresnet.ops.auto
from mmcv.ops import SyncBatchNorm

close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)

def compare(rank, device):
    torch.manual_seed(0)
    ours, theirs = SyncBatchNorm(3).to(device), nn.BatchNorm2d(3).to(device)
    ours.load_state_dict(theirs.state_dict())
    x, gradient = torch.randn(2, 4, 3, 5, 6).to(device)
    mine, all = x.chunk(2)[rank].clone().requires_grad_(), x.clone().requires_grad_()
    ours(mine).backward(gradient.chunk(2)[rank])
    theirs(all).backward(gradient)
    close(mine.grad, all.grad.chunk(2)[rank])
    close(ours.running_mean, theirs.running_mean)
    close(ours.running_var, theirs.running_var)
    close(2 * ours.weight.grad, theirs.weight.grad)  # mmcv's is the mean

rank = int(sys.argv[1])
distributed.init_process_group("gloo", "file://" + sys.argv[2], rank=rank, world_size=2)
compare(rank, sys.argv[3])
distributed.destroy_process_group()
gc.collect()  # a group's threads end with the last that refers to it
"""


def two_processes(store: Path, device: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", TWO]
    runs = [
        subprocess.Popen([*command, str(rank), str(store), device], stderr=subprocess.PIPE)
        for rank in (0, 1)
    ]
    for run in runs:
        _, errors = run.communicate(timeout=300)
        assert run.returncode == 0, errors.decode()


@pytest.mark.dist
@pytest.mark.full
def test_two_processes_equal_batch_norm_over_both(tmp_path: Path) -> None:
    two_processes(tmp_path / "store", "cpu")


@pytest.mark.dist
@pytest.mark.gpu
def test_two_processes_on_one_gpu(tmp_path: Path, device: str) -> None:
    two_processes(tmp_path / "store", device)
