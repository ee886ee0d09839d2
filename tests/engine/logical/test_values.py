"""Statistics and logged values of the shards of one process."""

import pytest
import torch
from torch import nn

from mmresnet.engine.logical.layout import Layout
from mmresnet.engine.logical.tree import ProcessTree
from mmresnet.engine.logical.values import ShardValues
from mmresnet.errors import UserError


def test_statistics_are_those_of_the_mean_of_the_shards() -> None:
    layer = nn.BatchNorm1d(3, momentum=0.25)
    values = ShardValues(layer, ProcessTree(Layout(2)))
    batches = torch.randn(2, 8, 3)
    for step in (1, 2):
        before = layer.running_mean.clone()
        values.begin()
        for batch in batches:
            values.begin_shard()
            layer(batch)
            values.add({"loss": batch[0, 0]})
        logged, used = values.finish([True, False], 2)
        expected = 0.75 * before + 0.25 * batches.mean(dim=(0, 1))
        torch.testing.assert_close(layer.running_mean, expected)
        assert layer.num_batches_tracked == step
        assert used == [True, False]
        torch.testing.assert_close(logged["loss"], batches[:, 0, 0].mean())


def test_frozen_statistics_keep_their_bits() -> None:
    layer = nn.BatchNorm1d(3).eval()
    layer.running_mean.normal_()
    before = layer.running_mean.clone()
    values = ShardValues(layer, ProcessTree(Layout(4)))
    values.begin()
    for _ in range(4):
        values.begin_shard()
        layer(torch.randn(2, 3))
        values.add({})
    values.finish([], 4)
    assert torch.equal(layer.running_mean, before)


def test_shards_log_the_same_values() -> None:
    values = ShardValues(nn.Identity(), ProcessTree(Layout(2)))
    values.add({"loss": torch.tensor(1.0)})
    with pytest.raises(UserError, match="one has loss, another loss, acc"):
        values.add({"loss": torch.tensor(1.0), "acc": torch.tensor(1.0)})
