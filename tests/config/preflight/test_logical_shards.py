"""What does not go together with logical shards."""

import pytest
from mmengine.config import Config

from mmresnet.config.preflight.learning_rate import batches_per_step
from mmresnet.config.preflight.logical_shards import check_logical_shards


@pytest.mark.parametrize("shards", [3, 0, -4, "4", True, 2.0])
def test_numbers_that_cannot_be(shards: object) -> None:
    (finding,) = check_logical_shards(Config({"logical_shards": shards}))
    assert finding.where == "logical_shards"
    assert "power of two" in str(finding)


WRONG = {
    "sync_bn": {"sync_bn": "torch"},
    "model_wrapper_cfg": {"model_wrapper_cfg": {"type": "MMDistributedDataParallel"}},
    "strategy": {"strategy": {"type": "mmresnet.FSDP2"}},
    "model.backbone.norm_cfg.type": {"model": {"backbone": {"norm_cfg": {"type": "SyncBN"}}}},
    "model.data_preprocessor.batch_augments.0.type": {
        "model": {"data_preprocessor": {"batch_augments": [{"type": "BatchSyncRandomResize"}]}}
    },
    "custom_hooks.0": {"custom_hooks": [{"type": "mmpretrain.PreciseBNHook"}]},
    "randomness.diff_rank_seed": {"randomness": {"diff_rank_seed": True}},
    "train_dataloader.num_batch_per_epoch": {"train_dataloader": {"num_batch_per_epoch": 5}},
    "optim_wrapper": {"optim_wrapper": {"first": {"optimizer": {}}, "second": {"optimizer": {}}}},
}


@pytest.mark.parametrize("where", WRONG)
def test_settings_by_process(where: str) -> None:
    (finding,) = check_logical_shards(Config({"logical_shards": 4, **WRONG[where]}))
    assert finding.where == where
    assert not list(check_logical_shards(Config(WRONG[where])))


def test_images_per_step() -> None:
    assert batches_per_step(Config({"logical_shards": 4}), 2) == 4
    assert batches_per_step(Config({}), 2) == 2
