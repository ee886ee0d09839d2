"""The table of a profile, and what it says bounds a step."""

import pytest

from mmresnet.engine.profiling.kinds import KINDS
from mmresnet.engine.profiling.report import bound, describe
from mmresnet.engine.profiling.shares import Row

BY_NAME = {kind.name: kind for kind in KINDS}


def rows(**times):
    """Return rows of some ms; words of a name are joined by _."""
    names = {
        "input": "input: waiting for data",
        "python": "Python, the rest",
        "norm": "normalization layers",
    }
    return [Row(BY_NAME[names.get(name, name)], time, 0.0, 0) for name, time in times.items()]


MEMORY = "passes over memory (BN, ReLU, additions, copies)"


@pytest.mark.parametrize(
    ("of_processes", "workers", "expected"),
    [
        (
            [rows(convolutions=60, norm=25, additions=10, python=5)],
            4,
            f"Bound by convolutions, 60%; next: {MEMORY}, 35%; Python, 5%.",
        ),
        # workers that keep up are never waited for
        (
            [rows(convolutions=70, input=20, python=10)],
            4,
            "Bound by input, 20%; next: convolutions, 70%; Python, 10%. "
            "More workers may help (train_dataloader.num_workers=4).",
        ),
        ([rows(convolutions=80, input=20)], 0, "Bound by convolutions, 80%; next: input, 20%."),
        (
            [rows(python=60, convolutions=40)],
            0,
            "Bound by Python, 60%; next: convolutions, 40%. "
            "A larger batch_size needs fewer calls for an image.",
        ),
        # the first waits for the second, which waits for its input
        (
            [rows(input=1, communication=70, convolutions=29), rows(input=70, convolutions=30)],
            2,
            "Bound by input, 70%; next: convolutions, 30%; communication, 0%. "
            "More workers may help (train_dataloader.num_workers=2).",
        ),
    ],
)
def test_what_bounds_a_step(of_processes, workers, expected):
    assert bound(of_processes, workers) == expected


def test_the_table():
    convolutions = Row(BY_NAME["convolutions"], 20.0, 40.0, 106)
    text = describe([[*rows(input=20), convolutions]], 5, 32, 64.0, 0)
    assert text.splitlines() == [
        "5 training steps of 32 images took 80.0 ms each; without the profiler 64.0 ms, "
        "500.0 images/s.",
        "  ms of a step                       forward  backward     total   share  calls",
        "  input: waiting for data                                  20.00   25.0%",
        "  convolutions                         20.00     40.00     60.00   75.0%    106",
        "  all                                                      80.00  100.0%",
        "Bound by convolutions, 75%; next: input, 25%.",
    ]
    text = describe([rows(input=20)] * 2, 5, 64, 20.0, 0, on_gpu=True)
    assert "  ms of a step, GPU, process 0  " in text
