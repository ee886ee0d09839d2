"""mmcv's compiled operators, computed by torchvision's kernels and by PyTorch.

mmdet imports ``mmcv._ext``, which only a compiled mmcv has. :func:`install` puts a module of these
operators in its place. Where mmcv is compiled, its own operators are used and nothing changes.
"""

from mmresnet.compat import OPERATORS
from mmresnet.compat.operators import has_compiled_operators
from mmresnet.ops.table import MissingOperator, operator

__all__ = ["MissingOperator", "has_compiled_operators", "install"]


def install() -> bool:
    """Give mmcv the operators it lacks; return whether those of this package are in use.

    Calling it again does nothing; a compiled mmcv is left alone.

    Raises:
        ImportError: mmcv is not installed.
    """
    if needed := OPERATORS.needed():
        OPERATORS.apply(operator)
    return needed
