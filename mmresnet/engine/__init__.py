"""Around the training step. The registries import this package when a part is first named."""

from mmresnet.engine.amp import AmpOptimWrapper
from mmresnet.engine.channels_last import ChannelsLastHook
from mmresnet.engine.float32_boxes import Float32BoxesHook
from mmresnet.engine.progress import ProgressHook
from mmresnet.engine.terminal_hook import TerminalHook
from mmresnet.engine.val_loop import ValLoop
from mmresnet.engine.weights_hook import WeightsHook

__all__ = [
    "AmpOptimWrapper",
    "ChannelsLastHook",
    "Float32BoxesHook",
    "ProgressHook",
    "TerminalHook",
    "ValLoop",
    "WeightsHook",
]
