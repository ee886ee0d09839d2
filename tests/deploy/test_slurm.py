"""deploy/slurm.py by submitit's local executor: saves on the signal, is requeued, resumes."""

import importlib.util
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

pytest.importorskip("submitit", reason="needs submitit")
pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]
HOOK = """
import time
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class Slow(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        with open(Path(runner.work_dir, "steps"), "a") as file:
            print(runner.iter, file=file)
        time.sleep(0.2)
"""


@pytest.fixture
def slurm():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("slurm_script", ROOT / "deploy" / "slurm.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["slurm_script"] = module  # where submitit pickles its class by reference
    spec.loader.exec_module(module)
    yield module
    del sys.modules["slurm_script"]


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in path.read_text().split()] if path.exists() else []


def wait_for(condition, job, what: str) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert not job.done(), job.paths.stderr.read_text()[-3000:]
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the task in /proc")
def test_a_job_that_is_preempted_is_requeued_and_resumes(slurm, tiny_images, tmp_path, monkeypatch):
    (tmp_path / "slow_steps.py").write_text(HOOK)
    path = os.pathsep.join([str(ROOT), str(tmp_path), str(ROOT / "deploy")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    import cloudpickle

    cloudpickle.register_pickle_by_value(slurm)
    base = str(ROOT / "configs" / "resnet50_8xb32_in1k.py")
    config = tmp_path / "slow.py"
    config.write_text(
        f"_base_ = [{base!r}]\ncustom_imports = dict(imports=['slow_steps'])\n"
        "custom_hooks = [dict(type='Slow')]\nval_dataloader = val_evaluator = val_cfg = None\n"
        "train_cfg = dict(max_epochs=8)\ntrain_dataloader = dict(batch_size=4, num_workers=0)\n"
        "model = dict(backbone=dict(depth=18, stem_channels=8, base_channels=8), "
        "head=dict(in_channels=64))\n"
    )
    settings = [f"data_root={tiny_images}", "num_classes=3"]
    settings.append("train_dataloader.dataset.pipeline.1.scale=32")
    arguments = ["--gpus", "0", "--cluster", "local", "--seeds", "5", "--device", "cpu"]
    work = tmp_path / "work"
    (job,) = slurm.main(
        [str(config), *arguments, "--work-dir", str(work), "--cfg-options", *settings]
    )
    run = work / "slow_seed5"
    steps = run / "steps"
    try:
        wait_for(lambda: steps.exists() and len(steps.read_text().split()) > 5, job, "no steps")
        (task,) = children(int(job.job_id))
        os.kill(task, signal.SIGUSR2)  # as Slurm does
        wait_for(lambda: task not in children(int(job.job_id)), job, "the task goes on")
        stopped = len(steps.read_text().split())
        assert job.result() == 0  # of the second task
    finally:
        job.cancel()
    taken = [int(number) for number in steps.read_text().split()]
    assert taken == list(range(24))  # none twice, none left out
    text = job.paths.stdout.read_text()
    saved = re.search(rf"Stopped by SIGTERM after iteration {stopped}: .* from '(.*)'", text)
    assert saved, text
    assert f"Resuming from '{saved[1]}'." in text
    last = torch.load(run / "epoch_8.pth", weights_only=False)
    assert "seed = 5" in last["meta"]["cfg"] or "seed=5" in last["meta"]["cfg"]


def test_a_seed_is_a_job_with_a_folder_of_its_own(slurm, monkeypatch, tmp_path):
    submitted = []

    class Executor:
        def __init__(self, *args, **kwargs):
            pass

        def update_parameters(self, **parameters):
            self.parameters = parameters

        def batch(self):
            import contextlib

            return contextlib.nullcontext()

        def submit(self, training):
            submitted.append(training)
            return type("Job", (), {"job_id": "1", "paths": type("P", (), {"stdout": "log"})})

    monkeypatch.setattr(slurm.submitit, "AutoExecutor", Executor)
    slurm.main(["digits_resnet20", "--seeds", "0", "3", "--nodes", "2", "--amp"])
    assert [one.arguments[-1] for one in submitted] == ["randomness.seed=0", "randomness.seed=3"]
    assert submitted[1].arguments[:4] == [
        *("digits_resnet20", "--amp", "--work-dir", "work_dirs/digits_resnet20_seed3")
    ]
    assert (submitted[0].processes, submitted[0].nodes) == (8, 2)
