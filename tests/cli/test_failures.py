"""A process that fails or is killed: what the terminal shows, and that it ends the others."""

import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("worker.py")
LAUNCH = """
import sys
from mmresnet.cli.launch import launch

processes, restarts, *command = sys.argv[1:]
sys.exit(launch(command, processes, restarts))
"""


@pytest.fixture
def start():
    """``start(failure, restarts)`` returns the exit code and the lines of both processes."""

    def run(failure, restarts=0):
        done = subprocess.run(
            [sys.executable, "-c", LAUNCH, "2", str(restarts), str(WORKER), failure],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout.splitlines()

    return run


def test_a_process_that_is_killed_is_reported(start):
    code, lines = start("killed")
    assert code == 1
    *lost, killed = lines  # the other process may be ended before it has noticed
    assert len(lost) <= 1
    assert all(line.startswith("The connection to another process is lost") for line in lost)
    assert killed.startswith("Process 1 (pid ")
    wanted = "was killed by signal 9, SIGKILL, "
    if Path("/proc/vmstat").exists():  # where it is known
        wanted += "by another program or a scheduler: the kernel has killed none for memory here."
    assert wanted in killed


def test_a_process_that_cannot_allocate_is_told_in_one_message(start):
    code, lines = start("allocates")
    assert code == 1
    (line,) = [one for one in lines if "connection to another process" not in one]
    assert line.startswith("[rank 1] A process on ")
    assert " ran out of memory when it asked for 4000000000000000 bytes. Use a smaller" in line


@pytest.fixture
def cgroup():
    """A control group of 200 MB, into which a process may put itself."""
    for root, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        folder = Path("/sys/fs/cgroup", root, "mmresnet-test")
        try:
            folder.mkdir()
            (folder / limit).write_text(str(200 * 2**20))
        except OSError:
            if folder.is_dir():
                folder.rmdir()
            continue
        yield folder
        folder.rmdir()
        return
    pytest.skip("no control group can be made here")


@pytest.mark.full
def test_a_process_that_the_kernel_kills_for_memory(start, cgroup, monkeypatch):
    monkeypatch.setenv("CGROUP", str(cgroup))
    code, lines = start("exceeds")
    assert code == 1
    wanted = "was killed by signal 9, SIGKILL, by the kernel, since memory ran out: use a smaller"
    assert wanted in lines[-1]


@pytest.mark.full
def test_the_traceback_of_the_process_that_fails_comes_first(start):
    code, lines = start("raises")
    assert code == 1
    assert lines[0] == "[rank1]: Traceback (most recent call last):"
    assert "[rank1]: ZeroDivisionError: of the second process" in lines
    assert "[rank0]: Traceback (most recent call last):" not in lines


@pytest.mark.full
def test_the_processes_start_again(start):
    code, lines = start("killed", restarts=1)
    assert code == 0
    assert lines[-1] == "both went on"
    assert sum("was killed by signal 9" in line for line in lines) == 1


@pytest.mark.full
def test_a_mistake_is_not_repeated(start):
    assert start("mistake", restarts=3) == (2, ["A mistake."])
