"""The precision of a run: chosen from the device, named by the config, or given."""

import pytest
import torch
from mmengine.config import Config

from mmresnet.engine import precision
from mmresnet.engine.precision import autocast_tests, choose_precision, configure_training
from mmresnet.errors import UserError

BF16, FP16 = torch.bfloat16, torch.float16


def config(**settings):
    wrapper = settings.pop("optim_wrapper", {"optimizer": {"type": "SGD", "lr": 0.1}})
    return Config({"optim_wrapper": wrapper, "val_cfg": {}, "test_cfg": {}, **settings})


@pytest.fixture(params=[True, False], ids=["native", "emulated"])
def native(request, monkeypatch):
    """Whether the CPU computes in bfloat16."""
    found = ["amx_bf16"] if request.param else []
    monkeypatch.setattr(precision, "native_bfloat16", lambda: found)
    return request.param


def test_cpu(native):
    assert choose_precision("cpu") == (BF16 if native else None)
    assert choose_precision("cpu", amp=True) == BF16
    assert choose_precision("cpu", "float32") is None
    assert choose_precision("cpu", "bfloat16") == BF16
    assert choose_precision("cpu", "float16") == FP16


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("bf16",), "not 'bf16'. Did you mean 'bfloat16'?"), (("float32", True), "float32 does not")],
)
def test_mistakes(arguments, words):
    with pytest.raises(UserError) as error:
        choose_precision("cpu", *arguments)
    assert words in str(error.value)


def test_training(native):
    cfg = config()
    configure_training(cfg, "cpu", None, amp=False)
    assert cfg.optim_wrapper.type == ("mmresnet.AmpOptimWrapper" if native else "OptimWrapper")
    assert cfg.val_cfg == cfg.test_cfg == {}
    assert cfg.optim_wrapper.optimizer.fused is True
    configure_training(cfg, "cpu", "float32", amp=False)
    assert cfg.optim_wrapper.type == "OptimWrapper"


def test_a_given_precision_is_written_down():
    cfg = config()
    configure_training(cfg, "cpu", "float16", amp=False)
    assert cfg.optim_wrapper.dtype == "float16"
    configure_training(cfg, "cpu", "float32", amp=False)
    assert "dtype" not in cfg.optim_wrapper


def test_what_a_config_names_is_obeyed(native):
    cfg = config(precision="float32")
    configure_training(cfg, "cpu", None, amp=False)
    assert cfg.optim_wrapper.type == "OptimWrapper"
    wrapper = {"type": "AmpOptimWrapper", "dtype": "float16", "optimizer": {"type": "Lamb"}}
    cfg = config(optim_wrapper=wrapper)
    configure_training(cfg, "cpu", None, amp=False)
    assert cfg.optim_wrapper == wrapper
    configure_training(cfg, "cpu", "bfloat16", amp=False)
    assert cfg.optim_wrapper.type == "mmresnet.AmpOptimWrapper"
    assert cfg.optim_wrapper.dtype == "bfloat16"


def test_a_wrapper_of_another_kind_is_left_alone():
    wrapper = {"type": "OptimWrapperDict", "a": {"type": "SGD"}}
    cfg = config(optim_wrapper=wrapper)
    configure_training(cfg, "cpu", None, amp=False)
    assert cfg.optim_wrapper == wrapper
    for precision_, amp in (("bfloat16", False), (None, True)):
        with pytest.raises(UserError, match="OptimWrapperDict chooses"):
            configure_training(cfg, "cpu", precision_, amp)


@pytest.mark.parametrize("key", ["fused", "foreach"])
def test_an_optimizer_that_says_how_is_obeyed(key):
    optimizer = {"type": "AdamW", "lr": 0.1, key: False}
    cfg = config(optim_wrapper={"optimizer": optimizer})
    configure_training(cfg, "cpu", None, amp=False)
    assert cfg.optim_wrapper.optimizer == optimizer


def test_a_test_is_in_float32_unless_asked(native):
    cfg = config()
    with autocast_tests(cfg, "cpu", None, amp=False):
        assert cfg.test_cfg == {}
    with autocast_tests(cfg, "cpu", "auto", amp=False):
        assert cfg.test_cfg.fp16 is native
    with autocast_tests(cfg, "cpu", "float32", amp=False):
        assert cfg.test_cfg.fp16 is False
    with autocast_tests(cfg, "cpu", None, amp=True):
        assert cfg.test_cfg.fp16 is True


def test_on_a_gpu_the_type_is_set_for_the_time_of_the_test():
    before = torch.get_autocast_dtype("cuda")
    with autocast_tests(config(), "cuda", "bfloat16", amp=False):
        assert torch.get_autocast_dtype("cuda") == BF16
    assert torch.get_autocast_dtype("cuda") == before
