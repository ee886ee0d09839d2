"""What a config has to be besides, to be sharded."""

import pytest

from mmresnet.config.preflight.findings import FoundErrors
from mmresnet.engine.assembly import prepare_run
from mmresnet.engine.preflight import check, prepare_checked

RECIPE = "resnet50_8xb32_in1k"
FSDP2 = {"strategy.type": "mmresnet.FSDP2"}


def test_the_config_is_completed() -> None:
    cfg = prepare_run(RECIPE, cfg_options={**FSDP2, "strategy.activation_checkpointing": True})
    assert cfg.default_hooks.checkpoint.type == "mmresnet.ShardedCheckpointHook"
    assert cfg.optim_wrapper.optimizer.fused is False
    assert cfg.model.backbone.with_cp is True
    assert prepare_run(cfg).default_hooks.checkpoint == cfg.default_hooks.checkpoint


@pytest.mark.parametrize(
    ("options", "where", "message"),
    [
        ({"strategy.type": "FSDPStrategy"}, "strategy", "and not 'FSDPStrategy'"),
        ({"strategy": "FSDP"}, "strategy", "and not 'FSDP'"),
        ({"custom_hooks": [{"type": "EMAHook"}]}, "custom_hooks.0", "copies the whole model"),
        ({"compile": True}, "compile", "is not compiled"),
        ({"optim_wrapper.optimizer.fused": True}, "optimizer.fused", "no fused SGD"),
        ({"logical_shards": 4}, "logical_shards", "does not go with the strategy FSDP2"),
        ({"default_hooks.checkpoint.published_keys": ["meta"]}, "published_keys", "convert"),
        ({"default_hooks.checkpoint.type": "Own"}, "checkpoint.type", "writes no checkpoints"),
    ],
)
def test_what_does_not_go_with_it(options: dict, where: str, message: str) -> None:
    with pytest.raises(FoundErrors) as error:
        prepare_run(RECIPE, cfg_options={**FSDP2, **options})
    assert where in str(error.value)
    assert message in str(error.value)


def test_a_misspelled_keyword_is_found() -> None:
    cfg, findings = prepare_checked(RECIPE, cfg_options={**FSDP2, "strategy.reduce_type": "x"})
    found = [str(one) for one in [*findings, *check(cfg, files=())]]
    assert any("strategy.reduce_type" in one and "reduce_dtype" in one for one in found), found
