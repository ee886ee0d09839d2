"""Trains a small model in logical shards, in as many processes as are asked for each time.

    python train_shards.py FOLDER SHARDS PROCESSES…

The processes are forked from one that has imported torch, and meet by gloo. For each number of
them, ``PROCESSES.pt`` in FOLDER has what each process has at the end.
"""

import multiprocessing
import sys

import torch
import torch._dynamo  # an optimizer imports it: once
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import distributed, nn

from mmresnet.engine.logical import LogicalShards
from mmresnet.engine.logical.layout import Layout

STEPS, IMAGES = 6, 4  # of a shard


class Net(BaseModel):
    """Has batch statistics, dropout, a part that some shards do not use, and one that none does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8 * 25, 3)
        self.rare = nn.Linear(8 * 25, 3)
        self.unused = nn.Linear(2, 2)

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor, mode: str) -> dict:
        features = self.drop(self.norm(self.conv(inputs)).relu().flatten(1))
        scores = self.head(features)
        if labels[0] == 0:
            scores = scores + self.rare(features)
        average = features.mean()
        if distributed.is_initialized():  # as normalizers of losses do
            distributed.all_reduce(average)
            average = average / distributed.get_world_size()
        loss = nn.functional.cross_entropy(scores, labels, reduction="sum") / (1 + average.detach())
        return {"loss": loss, "accuracy": (scores.argmax(1) == labels).float().mean()}


def train(layout: Layout) -> dict:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = LogicalShards(Net().to(memory_format=torch.channels_last), layout, lambda: 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
    wrapper = OptimWrapper(optimizer, accumulative_counts=2, clip_grad=dict(max_norm=1.0))
    wrapper.initialize_count_status(model, 0, STEPS)
    generator, logged = torch.Generator().manual_seed(1), []
    for _ in range(STEPS):
        images = torch.randn(layout.shards, IMAGES, 3, 5, 5, generator=generator)
        labels = torch.randint(3, (layout.shards, IMAGES), generator=generator)
        own = slice(layout.own.start, layout.own.stop)
        batch = {"inputs": images[own].flatten(0, 1), "labels": labels[own].flatten()}
        logged.append(model.train_step(batch, wrapper))
    return {
        "model": model.module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "logged": logged,
        "random": torch.get_rng_state(),
        "unused": model.module.unused.weight.grad,
    }


def work(rank: int, processes: int, shards: int, folder: str) -> None:
    if processes > 1:
        meeting = f"file://{folder}/{processes}.meeting"
        distributed.init_process_group("gloo", meeting, rank=rank, world_size=processes)
    own = train(Layout(shards, rank, processes))
    ends = [own] * processes
    if processes > 1:
        distributed.all_gather_object(ends, own)
        distributed.destroy_process_group()
    if rank == 0:
        torch.save(ends, f"{folder}/{processes}.pt")


def run(folder: str, shards: int, processes: int) -> None:
    forked = multiprocessing.get_context("fork")
    workers = [
        forked.Process(target=work, args=(rank, processes, shards, folder))
        for rank in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        sys.exit(f"{processes} processes failed")


if __name__ == "__main__":
    for number in sys.argv[3:]:
        run(sys.argv[1], int(sys.argv[2]), int(number))
