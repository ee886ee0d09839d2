"""Training that continues bit for bit from any iteration."""

from mmresnet.engine.resume.loops import EpochBasedTrainLoop, IterBasedTrainLoop

__all__ = ["EpochBasedTrainLoop", "IterBasedTrainLoop"]
