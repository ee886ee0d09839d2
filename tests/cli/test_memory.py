"""Errors of allocations are told by what to do; others are not theirs."""

import pytest
import torch

from mmresnet.cli.command import explain
from mmresnet.cli.memory import explain_memory


def test_torchs_own_error_and_pythons():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    message = explain(caught.value)
    assert " ran out of memory when it asked for 4000000000000000 bytes. Use a smaller" in message
    assert " ran out of memory. Use a smaller" in explain(MemoryError())


def test_that_of_a_gpu():
    text = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79 GiB"
    assert "ran out of GPU memory when it asked for 2.50 GiB." in explain_memory(RuntimeError(text))


def test_another_error():
    assert explain_memory(RuntimeError("shapes cannot be multiplied")) is None
