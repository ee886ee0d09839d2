"""Versions for reports of the environment."""

import torch
import torchvision


def get_compiler_version() -> str:
    """Return what ``mmcv.utils.collect_env`` reports as "MMCV Compiler"."""
    return f"none: mmresnet.ops on torchvision {torchvision.__version__}"


def get_compiling_cuda_version() -> str:
    """Return the CUDA version of torchvision's kernels, as in ``11.8``, or "not available"."""
    version = torch.ops.torchvision._cuda_version()
    return f"{version // 1000}.{version % 1000 // 10}" if version > 0 else "not available"
