"""A few steps of a training, recorded: where their time went, by kind of work."""

from mmresnet.engine.profiling.run import configure, profile

__all__ = ["configure", "profile"]
