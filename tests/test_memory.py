import subprocess
import sys

import pytest

from mmresnet.memory import peak_memory

NEW_PROCESS = "from mmresnet.memory import peak_memory; print(peak_memory())"


@pytest.mark.skipif(sys.platform == "win32", reason="it is not known there")
def test_grows_and_stays():
    before = peak_memory()
    held = bytearray(int(before) * 2**20 + 50 * 2**20)  # more than the process has held
    held[:: 2**12] = bytes([1]) * len(held[:: 2**12])  # each page is written
    size = len(held) / 2**20
    after = peak_memory()
    assert after > size
    del held
    assert peak_memory() > size  # the kernel's counts are off by up to a MB


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not inherited")
def test_begins_anew_in_a_new_process():
    held = bytearray(400 * 2**20)
    held[:: 2**12] = bytes([1]) * len(held[:: 2**12])
    assert peak_memory() > 400
    done = subprocess.run([sys.executable, "-c", NEW_PROCESS], capture_output=True, check=True)
    assert float(done.stdout) < 200
    assert len(held) == 400 * 2**20
