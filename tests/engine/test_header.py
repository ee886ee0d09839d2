"""The first lines of a run."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmresnet.engine.header import describe_learning_rate, header_of_test, header_of_training


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Linear(100, 99)
        self.backbone.depth = 18
        self.head = nn.Linear(100, 1, bias=False)


class Images(list):
    metainfo = {"classes": ("cat", "dog")}  # noqa: RUF012


def config(enable=False, base=256, accumulative=1):
    return Config(
        {
            "optim_wrapper": {"optimizer": {"lr": 0.1}, "accumulative_counts": accumulative},
            "train_dataloader": {"batch_size": 32, "dataset": {"data_root": "data/pets/"}},
            "auto_scale_lr": {"base_batch_size": base, "enable": enable},
        }
    )


def runner(**settings):
    cfg = config(base=32)
    cfg.merge_from_dict({"val_dataloader.dataset": {}, "test_dataloader.dataset": {}})
    cfg.work_dir = "work_dirs/pets"
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1, fused=True)
    values = {
        "cfg": cfg,
        "model": Classifier(),
        "timestamp": "20260101_000000",
        "train_dataloader": SimpleNamespace(dataset=Images(range(1234))),
        "val_loop": "a loop",
        "val_dataloader": SimpleNamespace(dataset=list(range(7))),
        "test_dataloader": SimpleNamespace(dataset=Images(range(5))),
        "optim_wrapper": SimpleNamespace(dtype=torch.bfloat16, optimizer=optimizer),
        "test_loop": SimpleNamespace(fp16=False),
    }
    return SimpleNamespace(**{**values, **settings})


def test_of_a_training(monkeypatch):
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    assert header_of_training(runner()).splitlines() == [
        "Training a model: Classifier, Linear-18, 0.01 M parameters",
        "  data     data/pets: 1,234 images of 2 classes; validation: 7 images",
        "  device   cpu, 2 threads; bfloat16 (--precision float32 turns it off), channels-last, "
        "fused SGD",
        "  lr       0.1 as in the config, chosen for 1x32 = 32 images per step.",
        "  output   work_dirs/pets",
        "  log      work_dirs/pets/20260101_000000/20260101_000000.log has the environment, the "
        "config and all iterations as well",
    ]
    assert "validation" not in header_of_training(runner(val_loop=None))
    compiled = runner()
    compiled.model.backbone._compiled_call_impl = compiled.model.backbone._call_impl
    assert "minutes (compile=False turns it off)\n" in header_of_training(compiled)
    several = header_of_training(runner(optim_wrapper=SimpleNamespace()))
    assert "  device   cpu, 2 threads; float32, channels-last\n" in several


def test_of_a_test():
    lines = header_of_test(runner()).splitlines()
    assert lines[0] == "Testing a model: Classifier, Linear-18, 0.01 M parameters"
    assert lines[1] == "  data     5 images of 2 classes"
    assert lines[2].endswith("; float32, channels-last")
    assert lines[3] == "  metrics  work_dirs/pets/20260101_000000/20260101_000000.json"


def test_several_gpus(monkeypatch):
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "H100")
    monkeypatch.setattr("mmresnet.engine.header.get_world_size", lambda: 8)
    model = SimpleNamespace(
        parameters=lambda: iter([SimpleNamespace(device=torch.device("cuda", 0), numel=int)])
    )
    header = header_of_training(runner(model=model))
    assert "  device   H100, 8 processes; bfloat16 (" in header
    assert "this run has 8x32 = 256" in header


@pytest.mark.parametrize(
    ("cfg", "said"),
    [
        (
            config(enable=True),
            "lr scaled: 0.1 x 64 / 256 = 0.025; this run has 2x32 = 64 images per step.",
        ),
        (
            config(),
            "lr 0.1 as in the config, for 256 images per step; this run has 2x32 = 64: with "
            "--auto-scale-lr it would be 0.1 x 64 / 256 = 0.025.",
        ),
        (
            config(base=64),
            "lr 0.1 as in the config, chosen for 2x32 = 64 images per step.",
        ),
        (
            config(base=None, accumulative=4),
            "lr 0.1 as in the config; this run has 2x32x4 (accumulated) = 256 images per step.",
        ),
    ],
)
def test_the_learning_rate_is_explained(cfg, said):
    assert describe_learning_rate(cfg, world_size=2) == said
