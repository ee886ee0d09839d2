"""Trackers in a config: added, replaced by those that outlive failures, or left out."""

import importlib.util

import pytest
from mmengine.config import Config

from mmresnet.cli.main import main
from mmresnet.config.trackers import (
    TRACKERS,
    add_trackers,
    check_installed,
    check_trackers,
    remove_trackers,
    use_own,
)
from mmresnet.errors import MissingPackageError, UserValueError

LOCAL = {"type": "LocalVisBackend"}


def config(*backends) -> Config:
    visualizer = {"type": "UniversalVisualizer", "vis_backends": [LOCAL, *backends]}
    return Config({"work_dir": "runs/first", "visualizer": visualizer})


def backends(cfg: Config) -> list[dict]:
    return cfg.to_dict()["visualizer"]["vis_backends"]


@pytest.fixture
def installed(monkeypatch):
    """All packages are, but those whose names are added to the result."""
    missing: set[str] = set()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else name)
    return missing


def test_added_once_beside_those_of_the_config(installed, monkeypatch):
    monkeypatch.setenv("WANDB_NAME", "mine")
    cfg = config({"type": "mmengine.TensorboardVisBackend"})
    add_trackers(cfg, ["tensorboard", "wandb", "mlflow", "wandb"])
    assert backends(cfg) == [
        LOCAL,
        {"type": "mmengine.TensorboardVisBackend"},
        {
            "type": "mmresnet.WandbVisBackend",
            "init_kwargs": {"project": "mmresnet", "name": "mine"},
        },
        {"type": "mmresnet.MLflowVisBackend", "exp_name": "mmresnet", "run_name": "first"},
    ]


def test_a_config_without_visualizer_keeps_its_local_curves(installed):
    cfg = Config({"work_dir": "runs/first"})
    add_trackers(cfg, ["tensorboard"])
    assert backends(cfg) == [LOCAL, {"type": "TensorboardVisBackend"}]


def test_trackers_of_mmengine_are_replaced(installed):
    cfg = config({"type": "WandbVisBackend", "init_kwargs": {"project": "p"}})
    use_own(cfg)
    assert backends(cfg)[1] == {
        "type": "mmresnet.WandbVisBackend",
        "init_kwargs": {"project": "p"},
    }


def test_left_out(installed):
    cfg = config()
    add_trackers(cfg, TRACKERS)
    remove_trackers(cfg)
    assert backends(cfg) == [LOCAL]


def test_a_missing_package(installed):
    installed.add("alembic")
    check_installed(["tensorboard", "wandb"])
    with pytest.raises(
        MissingPackageError, match=r"alembic.*pip install mlflow.*mmresnet\[trackers"
    ):
        check_installed(["wandb", "mlflow"])
    (finding,) = check_trackers(config({"type": "MLflowVisBackend"}))
    assert finding.where == "visualizer.vis_backends.1"


def test_a_misspelled_name(capsys):
    with pytest.raises(UserValueError, match="Did you mean 'mlflow'"):
        check_installed(["mlflo"])
    assert main(["train", "digits_resnet20", "--tracker", "wandb", "--tracker", "wandbb"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("There is no tracker 'wandbb', but tensorboard, wandb, mlflow. Did you")
