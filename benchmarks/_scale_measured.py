"""Measured steps, here and by others, beside what the model of a step predicts for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from _measuring import print_table
from _scale_model import (
    H100,
    LINKS,
    MB,
    MS,
    P100,
    PARAMETERS,
    TCP,
    Link,
    Machine,
    gigabit,
    step,
)


@dataclass(frozen=True)
class Measured:
    """A measured step: seconds, and what the model is given."""

    name: str
    seconds: float
    machine: Machine
    link: Link
    nodes: int
    batch: int
    bytes_each: int = 4
    bucket: float = 25 * MB


def shaped(
    name: str, silent: float, late: float, steps: Sequence[tuple[int, int, float]]
) -> list[Measured]:
    """Return steps of two hosts; computing and the link's rate are those of two other cases.

    Args:
        silent: Seconds of a step without communication.
        late: Of a step of which the all-reduce begins after the backward pass.
        steps: Bytes of a gradient, MB of a bucket, seconds.
    """
    size = 4 * PARAMETERS
    machine = Machine("CPU", fixed=0.0, image=silent / 8, gpus=1)
    link = Link(name, size / (late - silent))
    return [
        Measured(f"2 hosts, {name}, {kind}, {mb} MB", seconds, machine, link, 2, 8, each, mb * MB)
        for each, mb, seconds in steps
        for kind in (("float32" if each == 4 else "bfloat16"),)
    ]


def h100(gpus: int, batch: int, speed: float) -> Measured:
    """Return a step of MLPerf Training 3.0, from images per second."""
    name = f"{gpus:,} H100, {batch} images each"
    return Measured(name, gpus * batch / speed, H100, LINKS[-1], gpus // 8, batch, 2)


MEASURED = (
    # mmresnet benchmark nodes, 8 images of 224×224 per host
    *shaped("1 Gbit/s", 1.149, 2.335, [(4, 25, 1.683), (4, 5, 1.650), (4, 100, 2.306)]),
    *shaped("1 Gbit/s", 1.149, 2.335, [(2, 25, 1.509), (2, 5, 1.612), (2, 100, 1.981)]),
    *shaped("100 Mbit/s", 1.041, 10.121, [(4, 25, 9.899), (4, 5, 9.656), (4, 100, 11.029)]),
    *shaped("100 Mbit/s", 1.041, 10.121, [(2, 25, 5.147), (2, 5, 5.150), (2, 100, 8.440)]),
    # github.com/mlcommons/training_results_v3.0, images of all epochs over the time of the run
    h100(512, 40, 2_004_015),
    h100(768, 42, 3_230_027),
    h100(3584, 16, 9_000_078),
    # Goyal et al. 2017: 90 % of the speed per GPU of one node
    Measured("256 P100, 32 images each", 0.232 / 0.9, P100, gigabit(50, TCP), nodes=32, batch=32),
)


def print_measured() -> None:
    """Print the model's prediction beside what was measured."""
    rows = []
    for one in MEASURED:
        found = step(one.machine, one.link, one.nodes, one.batch, one.bytes_each, one.bucket)
        numbers = (found.total / MS, one.seconds / MS)
        rows.append((one.name, *(f"{n:,.4g}" for n in numbers), f"{numbers[0] / numbers[1]:.2f}"))
    print_table(("step of", "predicted, ms", "measured, ms", "ratio"), rows)
