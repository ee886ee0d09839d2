"""The CPU that this runs on."""

import os
from pathlib import Path

import pytest
import torch

from mmresnet import processor


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="Linux lists features")
def test_features_agree_with_torchs_kernels():
    has_avx512 = torch.backends.cpu.get_cpu_capability() == "AVX512"
    assert ("avx512f" in processor.features()) == has_avx512


@pytest.mark.parametrize(
    ("text", "native", "said"),
    [
        (
            "model name\t: Fast 9\nflags\t\t: fpu amx_bf16 avx512_bf16\n",
            2,
            "Fast 9 (avx512_bf16, ",
        ),
        ("model name\t: Slow 1\nflags\t\t: fpu avx2\n", 0, "Slow 1, "),
        ("Features\t: fp asimd bf16\n", 1, " (bf16), "),
    ],
)
def test_what_linux_says(text, native, said, monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert len(processor.native_bfloat16()) == native
    assert said in processor.describe()
    assert processor.describe().endswith(f", {os.cpu_count()} CPUs")


def test_other_systems(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert processor.features() == set()
    assert processor.describe()
