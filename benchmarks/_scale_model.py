"""A model of data-parallel training steps of ResNet-50 on many GPUs.

A step is computing, and what of the all-reduce is not hidden behind the backward pass. Stragglers,
jitter and contention are left out, so that the model is the best case.
"""

import math
from dataclasses import dataclass

import numpy as np

MB, MS = 1e6, 1e-3
BACKWARD = 2 / 3  # of a step's computing: it has twice the multiply-adds of the forward pass
FIRST_BUCKET = 1 * MB  # of DistributedDataParallel
# Parameters, and millions of multiply-adds at 224×224, in the order in which gradients are ready:
# the head, stages 4 to 1, the stem. tests/benchmarks/test_scale.py counts them.
PARTS = (
    (2_049_000, 2),
    (14_964_736, 811),
    (7_098_368, 1472),
    (1_219_584, 1037),
    (215_808, 680),
    (9_536, 118),
)
PARAMETERS = sum(parameters for parameters, _ in PARTS)


@dataclass(frozen=True)
class Machine:
    """A node. Seconds are of a GPU; the rate is that of a link between GPUs, in bytes/s."""

    name: str
    fixed: float  # of a step
    image: float  # of an image, forward and backward
    gpus: int = 8
    inside: float = math.inf


@dataclass(frozen=True)
class Link:
    """What joins nodes: bytes/s that a node sends, and seconds that a message takes to begin."""

    name: str
    rate: float
    delay: float = 0.0


# DGX H100, MXNet, MLPerf Training 3.0: steps of 57.1 ms with 400 images (8 GPUs), 10.9 ms with 50.
H100 = Machine("H100", fixed=4.25 * MS, image=0.1322 * MS, inside=450e9)
# DGX A100, PyTorch 21.03, mixed precision, NVIDIA DeepLearningExamples: 2,470 images/s.
A100 = Machine("A100", fixed=0.0, image=1 / 2470, inside=300e9)
# 8 P100: 29 hours for 90 epochs with 32 images per GPU, Goyal et al. 2017.
P100 = Machine("P100", fixed=0.0, image=0.232 / 32, inside=20e9)
MACHINES = (A100, H100)


def gigabit(rate: float, delay: float, name: str = "") -> Link:
    """Return a link of so many Gbit/s."""
    return Link(name or f"{rate:g} Gbit/s", rate * 1e9 / 8, delay)


TCP, INFINIBAND = 50e-6, 5e-6  # assumed
LINKS = (
    gigabit(10, TCP),
    gigabit(25, TCP),
    gigabit(100, TCP),
    gigabit(8 * 200, INFINIBAND, "8 × 200 Gbit/s"),
    gigabit(8 * 400, INFINIBAND, "8 × 400 Gbit/s"),
)


def ready(parameters: float) -> float:
    """Return the part of the backward pass after which so many gradients are there, 0 to 1."""
    table = np.cumsum([(0, 0), *PARTS], axis=0)
    return float(np.interp(parameters, table[:, 0], table[:, 1] / table[-1, 1]))


def all_reduce(size: float, machine: Machine, nodes: int, link: Link) -> float:
    """Return the seconds to sum ``size`` bytes: within each node, and at once between the nodes.

    Each GPU of a node sends its share, so that the link of a node carries ``size`` twice, less a
    part; between n nodes a message goes up and down a tree of depth log2(n).
    """
    within = 2 * (machine.gpus - 1) / machine.gpus * size / machine.inside
    between = 2 * (nodes - 1) / nodes * size / link.rate + 2 * math.log2(nodes) * link.delay
    return within + between


@dataclass(frozen=True)
class Step:
    """Seconds of a step."""

    compute: float
    exposed: float

    @property
    def total(self) -> float:
        return self.compute + self.exposed

    @property
    def efficiency(self) -> float:
        """The speed over that without communication."""
        return self.compute / self.total


def step(
    machine: Machine,
    link: Link,
    nodes: int,
    batch: int,
    bytes_each: int = 4,
    bucket: float = 25 * MB,
) -> Step:
    """Return a step with ``batch`` images per GPU and gradients of ``bytes_each`` bytes.

    DistributedDataParallel sends a bucket (of float32) when its last gradient is ready and the
    bucket before has been sent.
    """
    compute = machine.fixed + batch * machine.image
    backward = BACKWARD * batch * machine.image
    start = compute - backward  # as if nothing of ``fixed`` came later
    sent, link_free, size = 0.0, 0.0, FIRST_BUCKET
    while sent < 4 * PARAMETERS:
        size = min(size, 4 * PARAMETERS - sent)
        sent += size
        begin = max(link_free, start + backward * ready(sent / 4))
        link_free = begin + all_reduce(size * bytes_each / 4, machine, nodes, link)
        size = bucket
    return Step(compute, max(0.0, link_free - compute))
