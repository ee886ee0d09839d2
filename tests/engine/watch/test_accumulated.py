"""Accumulated steps that are not finite are left out as a whole, in one process and in two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

WORKER = Path(__file__).with_name("accumulate.py")
# for each process, in which of a step's three iterations it has an infinite image
ONE = [[[0]], [[1]], [[2]], [[0, 1]], [[0, 2]], [[1, 2]]]
TWO = [[[], [0]], [[], [1]], [[], [2]], [[0], []], [[1], []], [[2], []]]
TWO += [[[], [0, 1]], [[], [0, 2]], [[0], [1]], [[1], [2]], [[2], [0]]]
CONSTANT = [[[0]], [[], [0]], [[], [2]]]  # with finite gradients


def job(bad, finite_gradients=False):
    """Return a training with them in the second of three steps; or, if none is, without it."""
    processes = len(bad)
    numbers = [
        (3 + iteration) * 2 * processes + rank
        for rank, iterations in enumerate(bad)
        for iteration in iterations
    ]
    step = range(6 * processes, 12 * processes)
    return {
        "processes": processes,
        "bad": numbers,
        "without": [] if numbers else list(step),
        "finite_gradients": finite_gradients,
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """``trained(bad, finite_gradients)`` returns what each process has at the end, and the log."""
    folder = tmp_path_factory.mktemp("accumulated")
    jobs = [job(bad) for bad in ([[]], [[], []], *ONE, *TWO)]
    jobs += [job(bad, True) for bad in CONSTANT]
    (folder / "jobs.json").write_text(json.dumps(jobs))
    path = os.pathsep.join([str(WORKER.parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(WORKER), str(folder)]
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]

    def read(*arguments):
        number = jobs.index(job(*arguments))
        (log,) = (folder / str(number)).glob("*/*.log")
        files = [folder / f"{number}.{rank}.pt" for rank in range(jobs[number]["processes"])]
        return [torch.load(file, weights_only=True) for file in files], log.read_text()

    return read


def params(lists, *arguments):
    return [
        pytest.param(bad, *arguments, marks=pytest.mark.dist if len(bad) > 1 else ())
        for bad in lists
    ]


@pytest.mark.parametrize(
    ("bad", "finite_gradients"), [*params(ONE + TWO, False), *params(CONSTANT, True)], ids=str
)
def test_it_is_as_if_the_step_were_not_there(bad, finite_gradients, trained):
    """Weights, momentum, BatchNorm's statistics, and the gradients of the steps beside it."""
    ends, log = trained(bad, finite_gradients)
    others, _ = trained([[] for _ in bad])
    for end, without in zip(ends, others, strict=True):
        assert end["skipped"] == 1
        first, left_out, after = end["gradients"]
        assert left_out == [None] * len(first)
        assert all(one.any() for one in (first[-1], after[-1]))
        torch.testing.assert_close([first, after], without["gradients"], rtol=0, atol=0)
        for name in ("model", "optimizer"):
            torch.testing.assert_close(end[name], without[name], rtol=0, atol=0)
    (line,) = [one for one in log.splitlines() if "Step skipped" in one]
    assert "(1 of at most 100)" in line
    assert f"Images: {job(bad)['bad'][0]}.png." in line  # whichever process has it
