"""Which trainings compile their backbone, and what is compiled."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmresnet.engine import compilation
from mmresnet.engine.compilation import compile_backbone, settings_for
from mmresnet.errors import UserError
from mmresnet.models.backbones.cifar import CifarResNet


def runner(steps=10_000, backbone=None, head="head", **settings):
    model = nn.Module()
    model.backbone = CifarResNet(8) if backbone is None else backbone
    model.add_module(head, nn.Linear(64, 10))
    cfg = Config({"model": {"backbone": settings.pop("kwargs", {})}, **settings})
    return SimpleNamespace(model=model, cfg=cfg, train_loop=SimpleNamespace(max_iters=steps))


@pytest.fixture
def with_compiler(monkeypatch):
    monkeypatch.setattr(compilation, "can_compile", lambda: True)


@pytest.mark.usefixtures("with_compiler")
@pytest.mark.parametrize(
    "training",
    [
        runner(steps=9_999),
        runner(head="rpn_head"),
        runner(backbone=nn.Conv2d(3, 64, 3)),
        runner(backbone=CifarResNet(116)),
        runner(kwargs={"with_cp": True}),
        runner(logical_shards=4),
        runner(compile=False),
    ],
    ids=["short", "detector", "not a ResNet", "deep", "checkpointing", "shards", "turned off"],
)
def test_not_compiled(training):
    assert settings_for(training) is None
    compile_backbone(training)
    assert training.model.backbone._compiled_call_impl is None


@pytest.mark.usefixtures("with_compiler")
def test_a_long_training_of_a_classifier_is_compiled():
    assert settings_for(runner()) == {"dynamic": False}
    assert settings_for(runner(backbone=CifarResNet(110), compile="auto")) == {"dynamic": False}
    assert settings_for(runner(steps=1, compile=True)) == {}
    assert settings_for(runner(steps=1, compile={"mode": "default"})) == {"mode": "default"}


def test_without_a_compiler_only_what_asks_for_it(monkeypatch):
    monkeypatch.setattr(compilation, "can_compile", lambda: False)
    assert settings_for(runner()) is None
    assert settings_for(runner(compile=True)) == {}


@pytest.mark.parametrize("setting", [{"bakend": "eager"}, {"backend": "indukto"}, "fast"])
def test_unknown_settings(setting):
    with pytest.raises(UserError, match=r"compile is 'auto', True, False or keywords of torch\."):
        compile_backbone(runner(compile=setting))


def test_only_what_needs_gradients_runs_compiled():
    calls = []

    def backend(graph, inputs):
        def call(*args):
            calls.append(torch.is_grad_enabled())
            return graph.forward(*args)

        return call

    training = runner(compile={"backend": backend})
    backbone, images = training.model.backbone, torch.rand(2, 3, 8, 8)
    names = list(backbone.state_dict())
    (expected,) = backbone(images)
    compile_backbone(training)
    with torch.no_grad():
        backbone(images)
        backbone.eval()(images)
    assert calls == []
    (found,) = backbone.train()(images)
    assert torch.equal(found, expected)
    assert calls == [True]
    assert list(backbone.state_dict()) == names


@pytest.mark.full
def test_compiled_gradients_agree():
    """Of random images; the largest difference by the largest value is 1e-6 to 1e-5."""
    torch.manual_seed(0)
    training = runner(compile=True, backbone=CifarResNet(14))
    backbone, images = training.model.backbone, torch.rand(8, 3, 32, 32)

    def gradients():
        backbone.zero_grad()
        backbone(images)[0].square().mean().backward()
        return [parameter.grad.clone() for parameter in backbone.parameters()]

    expected = gradients()
    compile_backbone(training)
    for one, other in zip(gradients(), expected, strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max()


@pytest.mark.full
@pytest.mark.parametrize("compiler", ["g++", "/nowhere/g++"])
def test_whether_there_is_a_compiler(compiler, tmp_path):
    code = "from mmresnet.engine.compilation import can_compile; print(can_compile())"
    environment = {**os.environ, "CXX": compiler, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert out.strip().splitlines()[-1] == str(compiler == "g++")
