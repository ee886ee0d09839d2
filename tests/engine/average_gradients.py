"""Trains a small net in two processes, with and without gradients in shared memory.

python average_gradients.py STORE RANK RESULTS
"""

import itertools
import os
import sys

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import distributed, nn

from mmresnet.engine import shared_gradients
from mmresnet.engine.runner import Runner

STEPS = 4


def wrapped(shared: bool, **settings: object) -> nn.Module:
    """Wrap a net of several buckets by the Runner; of ``shared``, not at all or as by default."""
    torch.manual_seed(0)
    widths = (601, 700, 600, 500, 7)  # odd numbers, and more than fits one bucket
    layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    model = nn.Sequential(*layers)
    model[1].bias.requires_grad = False
    runner = Runner.__new__(Runner)
    runner.cfg, runner._distributed = Config(), True
    runner.logger = MMLogger.get_instance("average_gradients")
    shared_gradients._COPIES = 4 if shared else 1e12
    return runner.wrap_model(
        {"bucket_cap_mb": 1, **settings} if settings or shared else None, model
    )


def train(model: nn.Module, rank: int) -> dict:
    """Return the weights after some steps, one of them of two batches."""
    torch.manual_seed(rank + 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    shared = []
    for step in range(STEPS):
        optimizer.zero_grad()
        if step == 2:
            with model.no_sync():
                model(torch.randn(8, 601)).square().mean().backward()
        model(torch.randn(8, 601)).square().mean().backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        shared.append(all(gradient.is_shared() for gradient in gradients))
        optimizer.step()
    return {"weights": model.module.state_dict(), "shared": shared}


def main() -> None:
    """Train all ways, and save what came of them."""
    store, rank, results = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    os.environ.update(LOCAL_WORLD_SIZE="2", LOCAL_RANK=str(rank))
    distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=2)
    found = {
        "gloo": train(wrapped(shared=False), rank),
        "shared": train(wrapped(shared=True), rank),
        "unused": train(wrapped(shared=True, find_unused_parameters=True), rank),
        "copied": train(wrapped(shared=True, gradient_as_bucket_view=False), rank),
        "compressed": train(wrapped(shared=True, gradient_compression="bfloat16"), rank),
    }
    os.environ["LOCAL_WORLD_SIZE"] = "1"
    found["two machines"] = train(wrapped(shared=True), rank)
    torch.save(found, results)
    distributed.barrier()
    distributed.destroy_process_group()


main()
