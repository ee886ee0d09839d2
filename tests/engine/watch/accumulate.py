"""Trains the net of numbers with accumulated gradients, leaving out steps that are not finite.

    python accumulate.py FOLDER

FOLDER has ``jobs.json``, a list of trainings: their processes, the numbers that are infinite and
those that are not there, and whether gradients are finite all the same. The processes are forked
from one that has imported torch, and meet by gloo. ``JOB.RANK.pt`` has what each process of each
job has at the end.
"""

import json
import multiprocessing
import os
import sys
from pathlib import Path

import matplotlib.figure  # noqa: F401  mmengine's Runner imports it and torchvision: once
import torch
import torchvision  # noqa: F401
from conftest import number_run
from mmengine.hooks import Hook
from mmengine.runner import Runner
from number_net import Net, Numbers

from mmresnet.cli.rendezvous import free_port

FORKED = multiprocessing.get_context("fork")
ITERATIONS, STEPS, BATCH = 3, 3, 2  # iterations of a step, steps, images of a process


class Gradients(Hook):
    """Keeps those that each step is taken with: None if it is left out."""

    def before_train(self, runner):
        self.of_steps = []
        runner.optim_wrapper.optimizer.register_step_post_hook(self._keep)

    def _keep(self, optimizer, *_):
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.of_steps.append([None if p.grad is None else p.grad.clone() for p in parameters])


class FiniteGradients(Net):
    """Infinite images make its loss infinite, but no gradient."""

    def forward(self, inputs, data_samples=None, mode="loss"):
        images = torch.stack(inputs)
        finite = images.nan_to_num(posinf=0)
        losses = super().forward(finite, data_samples, mode)
        return {"loss_score": losses["loss_score"] + (images - finite).mean()}


def train(folder, number, rank, port, processes, bad, without, finite_gradients):
    torch.set_num_threads(1)
    settings = {}
    if processes > 1:
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes))
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        settings = {"launcher": "pytorch", "env_cfg": {"dist_cfg": {"backend": "gloo"}}}
    gradients = Gradients()
    runner = number_run(
        folder / str(number),
        f"job{number}",
        [{"type": "mmresnet.NonFiniteHook", "on_non_finite": "skip"}, gradients],
        Numbers(ITERATIONS * STEPS * BATCH * processes, bad, without),
        FiniteGradients() if finite_gradients else Net(),
        optim_wrapper={
            "optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9},
            "accumulative_counts": ITERATIONS,
        },
        **settings,
    )
    runner.train()
    end = {
        "model": runner.model.state_dict(),
        "optimizer": runner.optim_wrapper.optimizer.state_dict()["state"],
        "gradients": gradients.of_steps,
        "skipped": runner.message_hub.get_info("skipped_steps", 0),
    }
    torch.save(end, folder / f"{number}.{rank}.pt")


def main(folder):
    Runner._log_env = lambda *_: None  # which takes longer than the training
    for number, job in enumerate(json.loads((folder / "jobs.json").read_text())):
        port, processes = free_port(), []
        for rank in range(job["processes"]):
            processes.append(
                FORKED.Process(target=train, args=(folder, number, rank, port), kwargs=job)
            )
            processes[-1].start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            sys.exit(f"job {number} failed: {job}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
