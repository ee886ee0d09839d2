"""A process that hangs is named, with where it stands, and the others end: real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmresnet.cli.rendezvous import free_port

pytestmark = pytest.mark.dist

WORKER = Path(__file__).with_name("watched.py")


@pytest.fixture
def start(tmp_path):
    """``start(how, which)`` returns exit codes and what both processes wrote as errors, by rank."""
    running = []

    def run(how, which):
        port = str(free_port())
        for rank in "01":
            env = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
            env |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCH_FR_BUFFER_SIZE": "100"}
            command = [sys.executable, str(WORKER), str(tmp_path / "processes"), how, which]
            pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            running.append(subprocess.Popen(command, env={**os.environ, **env}, **pipes))
        stopped = int(which) if how == "is stopped" else None
        for rank, process in enumerate(running):
            if rank != stopped:
                process.wait(240)
        if stopped is not None:
            assert running[stopped].poll() is None
            running[stopped].kill()
        return [(one.communicate()[1], one.returncode) for one in running]

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()


def told(results) -> str:
    (line,) = [one for err, _ in results for one in err.splitlines() if "All processes end" in one]
    return line


@pytest.mark.full
@pytest.mark.parametrize("which", ["0", "1"])
def test_one_that_sleeps(which, start, tmp_path):
    results = start("sleeps", which)
    assert [code for _, code in results] == [1, 1]
    line = told(results)
    assert line.startswith(f"Process {which} (on ")
    assert " hangs: nothing has happened for " in line
    assert "It stands in iteration 3, computing: nodes/watched.py:" in line
    assert " stay < nodes/watched.py:" in line
    assert "The others stand in iteration 3, waiting." in line
    folder = tmp_path / "processes"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["rank0.json", "rank0.txt", "rank1.json", "rank1.txt"]
    assert "in stay" in (folder / f"rank{which}.txt").read_text()
    waits = json.loads((folder / f"rank{1 - int(which)}.json").read_text())
    assert waits["entries"][-1]["profiling_name"] == "gloo:all_reduce"


@pytest.mark.full
def test_one_that_is_stopped(start):
    (_, code), (_, stopped) = results = start("is stopped", "1")
    assert (code, stopped) == (1, -signal.SIGKILL)
    line = told(results)
    assert line.startswith("Of process 1 (on ")
    assert "nothing was heard for " in line
    assert "It stood in iteration 3, computing" in line


@pytest.mark.full
def test_the_first_one_is_stopped(start):
    _, (_, code) = results = start("is stopped", "0")
    assert code == 1
    assert told(results).startswith("The first process has not been reached for ")


@pytest.mark.full
def test_one_that_computes_may_do_so_for_longer(start):
    begun = time.monotonic()
    line = told(start("computes", "1"))
    assert time.monotonic() - begun > 20
    assert line.startswith("Process 1 (on ")
    assert " does not go on: nothing has happened for 2" in line
    assert " compute < nodes/watched.py:" in line


@pytest.mark.full
def test_both_wait_for_one_another(start):
    line = told(start("waits", "0"))
    assert line.startswith("All processes have waited for one another for ")


@pytest.mark.full
def test_nothing_is_told_of_processes_that_end(start):
    for err, code in start("none", "0"):
        assert code == 0, err
        assert "All processes end" not in err
