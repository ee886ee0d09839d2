"""Around the training step. The registries import this package when a part is first named."""

from mmresnet.engine.amp import AmpOptimWrapper
from mmresnet.engine.progress import ProgressHook

__all__ = ["AmpOptimWrapper", "ProgressHook"]
