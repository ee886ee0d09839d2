"""What the processes of a training agree on."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from torch import distributed
from mmresnet.engine.checkpoints.interrupts import Agreement

rank = int(sys.argv[1])
distributed.init_process_group("gloo", "file://" + sys.argv[2], rank=rank, world_size=2)
agreement = Agreement()
for number in range(40):
    agreement.start()
    assert agreement.exchange(number, rank) == (0, 0)
    assert agreement.exchange(0, 0) == (number, 1)
    assert agreement.of_first(rank == number % 2) == (number % 2 == 0)
    agreement.close()
"""


@pytest.mark.dist
def test_processes_agree_and_end(tmp_path):
    """Many times, since a thread of torch 2.6 that releases a tensor may wait for ever."""
    command = [sys.executable, "-c", SCRIPT]
    processes = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "store")], stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=120)[1].decode() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
