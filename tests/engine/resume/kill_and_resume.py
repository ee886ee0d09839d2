"""Trains, is killed at given points and resumes, in processes forked from one that has imported.

    python kill_and_resume.py JOBS.py

A start of Python with torch and mmpretrain takes longer than the trainings of the tests. JOBS is a
list of dicts: config, options, work_dir, processes, and kills: for each start that is killed, the
method of a hook and which of its calls it does not survive. ``resume`` continues an earlier job,
and ``finish=False`` leaves the training killed.
"""

import ast
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.connection import wait
from pathlib import Path

import matplotlib.figure  # noqa: F401  mmengine's Runner imports it: once
import torch
from mmengine.config import config as mmengine_config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS, DefaultScope
from mmengine.runner import Runner

from mmresnet.apis import train
from mmresnet.cli.rendezvous import free_port
from mmresnet.config.load import load_config
from mmresnet.engine.assembly import import_packages


class Killer(Hook):
    """Kills its process when a method is called for the n-th time."""

    priority = "VERY_LOW"

    def __init__(self, stage: str, call: int) -> None:
        self.left = call
        setattr(self, stage, self._count)

    def _count(self, *args: object, **kwargs: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def train_in(job: dict, kill: list | None, resume: bool, rank: int, port: int) -> None:
    log = os.open(f"{job['work_dir']}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(job["processes"]))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    options = {"randomness.deterministic": True, "default_hooks.logger.interval": 1}
    options |= job["options"]
    if kill:
        hooks = list(options.get("custom_hooks", []))
        options["custom_hooks"] = [*hooks, {"type": "Killer", "stage": kill[0], "call": kill[1]}]
    launcher = "pytorch" if job["processes"] > 1 else "none"
    train(
        job["config"],
        work_dir=job["work_dir"],
        resume=resume,
        cfg_options=options,
        launcher=launcher,
        device="cpu",
    )


def start(job: dict, kill: list | None, resume: bool) -> bool:
    """Train in new processes, and return whether they ended by themselves; log to a file."""
    forked = multiprocessing.get_context("fork")
    port, begun = free_port(), time.monotonic()
    processes = [
        forked.Process(target=train_in, args=(job, kill, resume, rank, port))
        for rank in range(job["processes"])
    ]
    for process in processes:
        process.start()
    killed = failed = False
    while processes:
        wait([process.sentinel for process in processes])
        for process in [process for process in processes if not process.is_alive()]:
            processes.remove(process)
            killed |= process.exitcode < 0
            failed |= process.exitcode > 0
        for process in processes if killed else ():
            process.kill()
    time.sleep(max(0, begun + 1.5 - time.monotonic()))  # starts of one second share a folder
    if failed and not killed:
        sys.exit(Path(f"{job['work_dir']}.log").read_text())
    return not killed


def main(path: str) -> None:
    # which take longer than an epoch here
    mmengine_config.FormatCode = lambda text, **_: (text, True)  # of the config, at each save
    Runner._log_env = lambda *_: None
    HOOKS.register_module(module=Killer)
    jobs = ast.literal_eval(Path(path).read_text())
    for job in jobs:  # before forking
        cfg = load_config(job["config"])
        import_packages(cfg)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            MODELS.get(cfg.model.type)
    for job in jobs:
        resume = job.get("resume", False)
        for kill in job["kills"]:
            if start(job, kill, resume):
                sys.exit(f"The training survived {kill}.")
            resume = True
        if job.get("finish", True):
            start(job, None, resume)


if __name__ == "__main__":
    main(sys.argv[1])
