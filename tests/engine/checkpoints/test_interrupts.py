"""What the processes of a training agree on."""

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import os
import sys
from torch import distributed
from mmresnet.engine.checkpoints.interrupts import Agreement

other = os.fork()
rank = int(other == 0)
distributed.init_process_group("gloo", "file://" + sys.argv[1], rank=rank, world_size=2)
agreement = Agreement()
for number in range(40):
    agreement.start()
    assert agreement.exchange(number, rank) == (0, 0)
    assert agreement.exchange(0, 0) == (number, 1)
    assert agreement.of_first(rank == number % 2) == (number % 2 == 0)
    agreement.close()
if other:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]))
"""


@pytest.mark.dist
def test_processes_agree_and_end(tmp_path):
    """Many times, since a thread of torch 2.6 that releases a tensor may wait for ever."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "store")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as first:
        try:
            _, errors = first.communicate(timeout=120)
        finally:
            if first.poll() is None:
                os.killpg(first.pid, signal.SIGKILL)
    assert first.returncode == 0, errors.decode()
