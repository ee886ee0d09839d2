"""Around the training step. The registries import this package when a part is first named."""

from mmresnet.engine.amp import AmpOptimWrapper
from mmresnet.engine.bad_samples_hook import BadSamplesHook
from mmresnet.engine.channels_last import ChannelsLastHook
from mmresnet.engine.checkpoints.hook import CheckpointHook
from mmresnet.engine.float32_boxes import Float32BoxesHook
from mmresnet.engine.nodes.data_parallel import DistributedDataParallel
from mmresnet.engine.nodes.hook import ProcessesHook
from mmresnet.engine.predictions_hook import PredictionsHook
from mmresnet.engine.progress import ProgressHook
from mmresnet.engine.resume import EpochBasedTrainLoop, IterBasedTrainLoop
from mmresnet.engine.terminal_hook import TerminalHook
from mmresnet.engine.val_loop import ValLoop
from mmresnet.engine.watch.non_finite import NonFiniteHook
from mmresnet.engine.watch.speed import SpeedHook
from mmresnet.engine.watch.unused_parameters import UnusedParametersHook
from mmresnet.engine.weights_hook import WeightsHook

__all__ = [
    "AmpOptimWrapper",
    "BadSamplesHook",
    "ChannelsLastHook",
    "CheckpointHook",
    "DistributedDataParallel",
    "EpochBasedTrainLoop",
    "Float32BoxesHook",
    "IterBasedTrainLoop",
    "NonFiniteHook",
    "PredictionsHook",
    "ProcessesHook",
    "ProgressHook",
    "SpeedHook",
    "TerminalHook",
    "UnusedParametersHook",
    "ValLoop",
    "WeightsHook",
]
