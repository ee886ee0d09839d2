"""What reports of the environment say about the stand-in."""

import torch
import torchvision


def get_compiler_version() -> str:
    """Return the line that ``mmcv.utils.collect_env`` prints as "MMCV Compiler"."""
    return f"none: mmresnet.ops on torchvision {torchvision.__version__}"


def get_compiling_cuda_version() -> str:
    """Return the CUDA version of torchvision's kernels, as in ``11.8``, or "not available"."""
    version = torch.ops.torchvision._cuda_version()
    return f"{version // 1000}.{version % 1000 // 10}" if version > 0 else "not available"
