"""mmcv's compiled operators, computed by torchvision's kernels and by PyTorch.

mmdet imports ``mmcv._ext``, which only a compiled mmcv has. :func:`install` puts a stand-in in its
place. Where mmcv is compiled, its own operators are used and nothing is touched.
"""

from mmresnet.ops.install import has_compiled_operators, install
from mmresnet.ops.table import MissingOperator

__all__ = ["MissingOperator", "has_compiled_operators", "install"]
