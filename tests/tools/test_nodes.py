"""Two hosts train together, and go on when one is lost: network namespaces with addresses."""

import importlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytestmark = [pytest.mark.dist, pytest.mark.full]

ROOT = Path(__file__).parents[2]
PORT = 29400
# GroupNorm, since batch statistics depend on how a batch is split; each iteration is saved
CONFIG = """
_base_ = [{base!r}]
custom_imports = dict(imports=["record_steps"])
custom_hooks = [
    dict(type="RecordSteps"), dict(type="mmresnet.ProcessesHook", timeout=15)
]
model = dict(
    backbone=dict(
        depth=18, stem_channels=8, base_channels=8, norm_cfg=dict(type="GN", num_groups=4)
    ),
    head=dict(in_channels=64),
)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=32),
    dict(type="PackInputs"),
]
train_dataloader = dict(batch_size=1, num_workers=0)
default_hooks = dict(checkpoint=dict(minutes=0.0001, interval=100))
optim_wrapper = dict(optimizer=dict(lr=0.01))
randomness = dict(seed=7)
train_cfg = dict(max_epochs=4)  # of six iterations
val_dataloader = val_evaluator = val_cfg = None
"""
HOOK = """
import json
import re
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
        if get_world_size() == 2:
            time.sleep(0.3)
"""


@pytest.fixture
def hosts():
    """Two hosts."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        found = importlib.import_module("_hosts")
    finally:
        sys.path.pop(0)
    if reason := found.reason_against():
        pytest.skip(reason)
    with found.hosts(2) as pair:
        yield pair


@pytest.fixture
def start(tmp_path, tiny_images):
    """``start(host, *arguments)`` starts ``mmresnet train`` in a session of its own."""
    base = str(ROOT / "configs" / "resnet50_8xb32_in1k.py")
    (tmp_path / "config.py").write_text(CONFIG.format(base=base))
    (tmp_path / "record_steps.py").write_text(HOOK)
    started = []

    def run(host, *arguments, work=tmp_path / "work", options=(), **environment):
        command = [sys.executable, "-m", "mmresnet", "train", str(tmp_path / "config.py")]
        settings = [f"data_root={tiny_images}", "num_classes=3", "precision=float32", *options]
        command += ["--work-dir", str(work), "--device", "cpu", *arguments]
        path = os.pathsep.join([str(ROOT), str(tmp_path)])
        env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment}
        pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        command += ["--cfg-options", *settings]
        if host is None:
            started.append(subprocess.Popen(command, env=env, start_new_session=True, **pipes))
        else:
            started.append(host.start(command, env, start_new_session=True, **pipes))
        return started[-1]

    yield run
    for process in started:
        kill(process)


def descendants(pid: int) -> list[int]:
    """Return a process and all that it has started, directly or not."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = children.read_text().split() if children.exists() else []
    return [pid, *(one for child in found for one in descendants(int(child)))]


def kill(process: subprocess.Popen) -> None:
    """End a host's launcher and its processes, as a loss of power does: none of them says more."""
    for pid in descendants(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def steps(work: Path) -> dict[int, set[tuple[str, ...]]]:
    """Return the images of each step, as often as it was taken; processes take turns in them."""
    taken: dict[tuple[int, int], dict[int, list[str]]] = {}
    for rank in range(2):
        path = work / f"steps{rank}.json"
        for line in path.read_text().splitlines() if path.exists() else ():
            number, size, images = json.loads(line)
            taken.setdefault((number, size), {})[rank] = images
    found: dict[int, set[tuple[str, ...]]] = {}
    for (number, size), of_ranks in taken.items():
        if len(of_ranks) == size:  # else one was ended before
            images = [one for group in zip(*of_ranks.values(), strict=True) for one in group]
            found.setdefault(number, set()).add(tuple(images))
    return found


def wait_for_step(work: Path, number: int, *processes: subprocess.Popen) -> None:
    end = time.monotonic() + 400
    while number not in steps(work):
        assert all(process.poll() is None for process in processes), processes[0].communicate()
        assert time.monotonic() < end, "the training does not get there"
        time.sleep(0.1)


def weights(work: Path) -> dict[str, torch.Tensor]:
    return torch.load(work / "weights" / "last.pth", weights_only=True)["state_dict"]


@pytest.fixture
def unbroken(start, tmp_path):
    """The work directory of one process that takes both processes' images in each step."""
    work = tmp_path / "unbroken"
    process = start(None, work=work, options=["train_dataloader.batch_size=2"])
    _, err = process.communicate(timeout=500)
    assert process.returncode == 0, err[-3000:]
    return work


def same(work: Path, unbroken: Path) -> None:
    """Check that a run took the steps of an unbroken one, and ended with its weights."""
    expected, found = steps(unbroken), steps(work)
    assert sorted(found) == list(range(24))
    for number, images in found.items():
        assert images == expected[number], f"step {number}"
    theirs = weights(unbroken)
    for name, tensor in weights(work).items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-5, atol=1e-6, msg=name)


def test_a_host_that_is_lost_in_mid_epoch_is_gone_on_without(hosts, start, unbroken, tmp_path):
    work, (first, second) = tmp_path / "work", hosts
    several = ["--nproc", "1", "--nnodes", "1:2", "--rdzv", f"{first.address}:{PORT}"]
    stays, lost = start(first, *several), start(second, *several)
    wait_for_step(work, 8, stays, lost)
    kill(lost)
    out, err = stays.communicate(timeout=500)
    assert stays.returncode == 0, err[-3000:]
    assert "All processes start again (restart 1)." in out
    assert "1 of at most 2 processes, with 2 images each: 2 images per step" in out
    assert "the checkpoint is of 2 × 1 images per step, this run has 1 × 2" in out
    same(work, unbroken)


@pytest.mark.parametrize("hang", ["sleep 1", "sleep 0", "stop 1", "stop 0"])
def test_a_process_that_hangs_is_named_and_all_end(hang, start, tmp_path):
    """It sleeps, or is stopped so that not even its heart beats; of two, or the first itself."""
    how, rank = hang.split()
    process = start(None, "--nproc", "2", HANG=hang)
    wait_for_step(tmp_path / "work", 8, process)
    begun = time.monotonic()
    _, err = process.communicate(timeout=200)
    assert process.returncode == 1
    assert time.monotonic() - begun < 60 + 30  # torchrun gives those that are left 30 s to end
    (line,) = [one for one in err.splitlines() if "All processes end" in one]
    if hang == "stop 0":
        assert line.startswith("The first process has not been reached for ")
    elif how == "stop":
        assert line.startswith("Of process 1 (on ")
        assert " nothing was heard for " in line
        # as it last said, a few seconds before: the first steps may take less
        assert re.search(r"It stood (at the start|(before|in|after) .*iteration \d+)", line)
    else:
        assert line.startswith(f"Process {rank} (on ")
        assert "It stands before iteration 10, loading images or in a hook: " in line
        assert "record_steps.py:" in line and "before_train_iter" in line
        assert "The others stand in iteration 10, waiting for the others' gradients" in line
    (folder,) = (tmp_path / "work").glob("*/processes")
    written = {path.name for path in folder.iterdir()}
    alive = {"0", "1"} - ({rank} if how == "stop" else set())
    assert written == {f"rank{one}.{kind}" for one in alive for kind in ("txt", "json")}
    recorded = json.loads((folder / f"rank{min(alive)}.json").read_text())
    assert recorded["entries"][-1]["profiling_name"].startswith("gloo:")
    if how == "sleep":
        assert "before_train_iter" in (folder / f"rank{rank}.txt").read_text()


@pytest.fixture
def two_machines(start):
    """``two_machines(*options)`` starts two launchers as of two machines, with options of each."""

    def run(*options):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{listener.getsockname()[1]}"
        arguments = ["--nproc", "1", "--nnodes", "2", "--rdzv", place]
        processes = [start(None, *arguments, options=own) for own in options]
        return [(one.communicate(timeout=200)[1], one.returncode) for one in processes]

    return run


@pytest.mark.parametrize("what", ["config", "data", "no data"])
def test_a_machine_with_another_version_is_told_in_one_message(
    what, two_machines, tiny_images, tmp_path
):
    other = tmp_path / "other"
    shutil.copytree(tiny_images, other)
    if what == "config":
        other = ["optim_wrapper.optimizer.lr=0.02"]
        message = "has another config than the first process: optim_wrapper.optimizer.lr is 0.0"
    elif what == "data":
        (other / "train" / "cat" / "0.jpg").unlink()
        other = [f"data_root={other}"]
        # the two are one machine, which lists its files once: the sizes tell
        message = "has other training data than the first process: sizes of image files"
    else:
        shutil.rmtree(other / "train")
        other = [f"data_root={other}"]
        message = f"the data folder '{tmp_path}/other/train' does not exist"
    for err, code in two_machines([], other):
        assert code == 2, err[-3000:]
        lines = [line for line in err.splitlines() if line and "[c10d]" not in line]
        assert len(lines) == 1, "\n".join(line[:160] for line in lines)
        assert message in lines[0]
