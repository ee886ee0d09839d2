"""Runs cut into a fixed number of shards: the same bits for any number of processes."""

from mmresnet.engine.logical.wrapper import LogicalShards

__all__ = ["LogicalShards"]
