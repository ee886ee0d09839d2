"""Small trainings on hosts that are network namespaces, and what they did in each step."""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import group_norm
import pytest
import torch

ROOT = Path(__file__).parents[2]
PORT = 29400
# each iteration is saved
CONFIG = f"""
{group_norm.CONFIG}
custom_imports = dict(imports=["record_steps"])
custom_hooks = [
    dict(type="RecordSteps"), dict(type="mmresnet.ProcessesHook", timeout=15)
]
train_dataloader = dict(batch_size=1, num_workers=0)
default_hooks = dict(checkpoint=dict(minutes=0.0001, interval=100))
randomness = dict(seed=7)
train_cfg = dict(max_epochs=4)  # of six iterations
"""
# steps take a while, so that a host can be lost meanwhile. GATES: the iteration after which one
# process waits for more, and that after which two do, until they are told to end
HOOK = """
import json
import os
import signal
import time
from pathlib import Path

from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class RecordSteps(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        how, rank = os.environ.get("HANG", "no -1").split()
        if runner.iter == 9 and int(rank) == get_rank():
            time.sleep(1000) if how == "sleep" else os.kill(os.getpid(), signal.SIGSTOP)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        images = ["/".join(one.img_path.split("/")[-2:]) for one in data_batch["data_samples"]]
        with open(Path(runner.work_dir, f"steps{get_rank()}.json"), "a") as file:
            print(json.dumps([runner.iter, get_world_size(), images]), file=file)
        gates = os.environ.get("GATES", "").split()[get_world_size() - 1 :]
        if gates and runner.iter == int(gates[0]):
            told, before = [], signal.getsignal(signal.SIGTERM)
            signal.signal(signal.SIGTERM, lambda *args: told.append(before(*args)))
            while not told:
                time.sleep(0.1)
            signal.signal(signal.SIGTERM, before)
        elif get_world_size() > 1:
            time.sleep(0.3)
"""


@contextlib.contextmanager
def hosts(number: int) -> Iterator[list[Any]]:
    """Yield hosts; skip the test where there can be none."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        module = importlib.import_module("_hosts")
    finally:
        sys.path.pop(0)
    if reason := module.reason_against():
        pytest.skip(reason)
    with module.hosts(number) as made:
        yield made


class Started(subprocess.Popen):
    """A launcher, whose output goes to files."""

    files: tuple[Path, Path]

    def said(self) -> tuple[str, str]:
        """Return its output and its errors so far."""
        return self.files[0].read_text(), self.files[1].read_text()

    def end(self, seconds: float = 500) -> tuple[str, str]:
        """Wait until it has ended, and return its output and its errors."""
        self.wait(seconds)
        return self.said()


class Trainings:
    """Starts ``mmresnet train`` in sessions of their own, and ends what is left of them.

    Args:
        folder: For the config, the output, and the work directory "work".
        images: The data.
    """

    def __init__(self, folder: Path, images: Path) -> None:
        base = str(ROOT / "configs" / "resnet50_8xb32_in1k.py")
        (folder / "config.py").write_text(CONFIG.format(base=base))
        (folder / "record_steps.py").write_text(HOOK)
        self._folder, self._images = folder, images
        self._started: list[Started] = []

    def __call__(
        self,
        host: Any,
        *arguments: str,
        work: Path | None = None,
        options: tuple[str, ...] | list[str] = (),
        **environment: str,
    ) -> Started:
        """Start one on a host, or on this machine if it is None."""
        command = [] if host is None else ["ip", "netns", "exec", host.namespace]
        command += [sys.executable, "-m", "mmresnet", "train", str(self._folder / "config.py")]
        settings = [f"data_root={self._images}", "num_classes=3", "precision=float32", *options]
        command += ["--work-dir", str(work or self._folder / "work"), "--device", "cpu"]
        path = os.pathsep.join([str(ROOT), str(self._folder)])
        env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment}
        files = [self._folder / f"{len(self._started)}.{kind}" for kind in ("out", "err")]
        with open(files[0], "w") as out, open(files[1], "w") as err:
            streams = dict(stdout=out, stderr=err, env=env, start_new_session=True)
            own = Started([*command, *arguments, "--cfg-options", *settings], **streams)
        own.files = (files[0], files[1])
        self._started.append(own)
        return own

    def close(self) -> None:
        """End what is left."""
        for process in self._started:
            kill(process)
            process.wait()


def descendants(pid: int) -> list[int]:
    """Return a process and all that it has started, directly or not."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = children.read_text().split() if children.exists() else []
    return [pid, *(one for child in found for one in descendants(int(child)))]


def kill(process: subprocess.Popen) -> None:
    """End a host's launcher and its processes, as a loss of power does: none of them says more."""
    for pid in descendants(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def steps(work: Path) -> dict[int, set[tuple[str, ...]]]:
    """Return the images of each step, as often as it was taken; processes take turns in them."""
    taken = sizes(work)
    found: dict[int, set[tuple[str, ...]]] = {}
    for (number, _), of_ranks in taken.items():
        images = [one for group in zip(*of_ranks.values(), strict=True) for one in group]
        found.setdefault(number, set()).add(tuple(images))
    return found


def sizes(work: Path) -> dict[tuple[int, int], dict[int, list[str]]]:
    """Return the images of each rank, by step and number of processes, if none was ended before."""
    taken: dict[tuple[int, int], dict[int, list[str]]] = {}
    for rank in range(3):
        path = work / f"steps{rank}.json"
        for line in path.read_text().splitlines() if path.exists() else ():
            number, size, images = json.loads(line)
            taken.setdefault((number, size), {})[rank] = images
    return {key: of_ranks for key, of_ranks in taken.items() if len(of_ranks) == key[1]}


def wait_for_step(work: Path, number: int, *processes: Started, size: int | None = None) -> None:
    """Wait until a step has been taken, by as many processes as are asked for.

    Args:
        processes: Those that have to be there meanwhile.
    """
    end = time.monotonic() + 400
    while not any(one >= number and size in (None, of) for one, of in sizes(work)):
        for process in processes:
            assert process.poll() is None, process.said()
        assert time.monotonic() < end, [process.said() for process in processes]
        time.sleep(0.1)


def weights(work: Path) -> dict[str, torch.Tensor]:
    """Return the weights at the end."""
    return torch.load(work / "weights" / "last.pth", weights_only=True)["state_dict"]


def check_same(work: Path, unbroken: Path) -> None:
    """Check that a run took the steps of an unbroken one, and ended with its weights."""
    expected, found = steps(unbroken), steps(work)
    assert sorted(found) == list(range(24))
    for number, images in found.items():
        assert images == expected[number], f"step {number}"
    theirs = weights(unbroken)
    for name, tensor in weights(work).items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-5, atol=1e-6, msg=name)
