"""The dtype that operators compute in.

torchvision's kernels and PyTorch's powers and sums are exact enough in float32 and float64. 16-bit
inputs, as under autocast, are converted to float32, and the result is rounded to the dtype of the
output tensor.
"""

import torch
from torch import Tensor


def working_type(*tensors: Tensor) -> torch.dtype:
    """float64 if one of the tensors has it, otherwise float32."""
    double = any(tensor.dtype == torch.float64 for tensor in tensors)
    return torch.float64 if double else torch.float32
