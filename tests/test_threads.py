"""Threads beside the one that computes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys, threading, time, torch
from concurrent.futures import ThreadPoolExecutor
from mmresnet.threads import serial_executor

def threads():
    return len(os.listdir("/proc/self/task"))

sys.setswitchinterval(1e-6)  # threads begin at once
large = torch.zeros(2**20)
large.clone()
for executor in (serial_executor(8), ThreadPoolExecutor(8)):
    barrier = threading.Barrier(9)
    before = threads()
    for _ in range(8):
        executor.submit(lambda: (large.clone(), barrier.wait()))
    barrier.wait()
    time.sleep(0.5)  # a thread that has ended is listed for a moment
    print(threads() - before)

later = []
thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
thread.start()
thread.join()
print(torch.get_num_threads(), *later)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux lists threads")
@pytest.mark.skipif(os.cpu_count() == 1, reason="no operator is parallel on one CPU")
def test_operators_begin_no_threads():
    """Python's own executor shows that they would; both have eight threads of their own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["8", "16", "2", "2"]
