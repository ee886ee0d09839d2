"""Several processes with a GPU compute what one does."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import group_norm
import pytest
import torch

from mmresnet.cli.rendezvous import free_port
from mmresnet.weights.checkpoint import read

pytestmark = [pytest.mark.gpu, pytest.mark.dist]

CLOSE = {"rtol": 0, "atol": 1e-4}
TOOLS = Path(__file__).parents[2] / "tools"
# a fixed order: process r of n gets the images r, r + n, …, so that in each step all together see
# the images of one process with n times the batch size
CONFIG = f"""
{group_norm.CONFIG}
num_classes = 3
num_workers = 0
data_root = {{images!r}}
train_dataloader = dict(sampler=dict(type="DefaultSampler", shuffle=False))
train_cfg = dict(max_epochs=2)
"""


@pytest.fixture(scope="module")
def config(tiny_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("several") / "config.py"
    base = str(TOOLS.parent / "configs" / "resnet50_8xb32_in1k.py")
    path.write_text(CONFIG.format(base=base, images=str(tiny_images)))
    return path


@pytest.fixture(scope="module")
def start(device: str) -> Callable[..., subprocess.Popen]:
    """``start(*command, work, batch_size, options=[…], **environment)`` starts a training."""

    def start_tool(
        *command: object, work: Path, batch_size: int, options: tuple = (), **environment: object
    ) -> subprocess.Popen:
        settings = ["--cfg-options", f"batch_size={batch_size}", *options]
        # TF32, of 10 bits, would hide a difference
        environment |= {"PYTHON": sys.executable, "NVIDIA_TF32_OVERRIDE": 0}
        precise = ["--device", device, "--precision", "float32"]
        path = [str(TOOLS.parent), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        return subprocess.Popen(
            [*map(str, command), "--work-dir", str(work), *precise, *settings],
            env=os.environ | {name: str(value) for name, value in environment.items()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_tool


def finish(processes: Iterable[subprocess.Popen]) -> None:
    """Wait for processes that need each other; if one fails, end the others."""
    running = list(processes)
    try:
        for process in running:
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors[-3000:]
    finally:
        for process in running:
            process.kill()


def weights(work: Path, epoch: int = 2) -> dict[str, torch.Tensor]:
    return read(str(work / f"epoch_{epoch}.pth"))["state_dict"]


@pytest.fixture(scope="module")
def alone(config: Path, start: Callable[..., subprocess.Popen]) -> dict[str, torch.Tensor]:
    """The weights after a training in one process."""
    work = config.parent / "one"
    finish([start(sys.executable, TOOLS / "train.py", config, work=work, batch_size=4)])
    first, last = weights(work, 1), weights(work, 2)
    assert max((last[name] - first[name]).abs().max() for name in last) > 100 * CLOSE["atol"]
    return last


def test_two_processes_share_a_gpu(
    alone: dict, config: Path, start: Callable[..., subprocess.Popen], tmp_path: Path
) -> None:
    """NCCL refuses this, so that gloo sums the gradients."""
    command = [sys.executable, TOOLS / "train.py", config, "--launcher", "pytorch"]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": 2}
    options = ("env_cfg.dist_cfg.backend=gloo",)
    work = {"work": tmp_path / "two", "batch_size": 2, "options": options}
    finish(start(*command, **work, **group, RANK=rank, LOCAL_RANK=0) for rank in (0, 1))
    torch.testing.assert_close(weights(tmp_path / "two"), alone, **CLOSE)


def test_two_processes_of_logical_shards_get_the_bits_of_one(
    config: Path, start: Callable[..., subprocess.Popen], tmp_path: Path
) -> None:
    """BatchNorm as well, and gradients that gloo exchanges by way of host memory."""
    with_batch_norm = tmp_path / "config.py"
    with_batch_norm.write_text(config.read_text().replace('"GN", num_groups=4', '"BN"'))
    command = [sys.executable, TOOLS / "train.py", with_batch_norm]
    options = (
        "logical_shards=2",
        "randomness.deterministic=True",
        "env_cfg.dist_cfg.backend=gloo",
    )
    exact = {"batch_size": 2, "options": options, "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    finish([start(*command, work=tmp_path / "one", **exact)])
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": 2}
    command += ["--launcher", "pytorch"]
    finish(
        start(*command, work=tmp_path / "two", **exact, **group, RANK=rank, LOCAL_RANK=0)
        for rank in (0, 1)
    )
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


def test_a_process_for_each_gpu(
    alone: dict, config: Path, start: Callable[..., subprocess.Popen], tmp_path: Path
) -> None:
    """One or two, whose gradients NCCL sums."""
    count = 2 if torch.cuda.device_count() > 1 else 1
    command = [TOOLS / "dist_train.sh", config, count]
    finish([start(*command, work=tmp_path / "dist", batch_size=4 // count)])
    torch.testing.assert_close(weights(tmp_path / "dist"), alone, **CLOSE)
