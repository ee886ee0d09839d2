"""W&B and MLflow record what they are given, offline, also over a kill and a resumption."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.visualization import Visualizer
from small_classifier import SMALL
from wandb_file import history

from mmresnet.engine.trackers import sending
from mmresnet.engine.trackers.mlflow import MLflowVisBackend
from mmresnet.engine.trackers.wandb import WandbVisBackend

KILLING = Path(__file__).parents[1] / "resume" / "kill_and_resume.py"
LINES = [
    {"loss": 1.5, "lr": 0.1, "epoch": 1, "iter": 10, "step": 10},
    {"accuracy/top1": 62.5, "coco/AR@100": 0.25, "step": 1},  # of a validation, by epoch
    {"loss": 0.75, "lr": 0.1, "epoch": 2, "iter": 20, "step": 20},
]


def give(backend, work_dir: Path) -> None:
    """Log the lines, of which the first are an earlier start's."""
    backend.add_config(Config({"model": {"depth": 18}, "work_dir": str(work_dir)}))
    backend.add_history([dict(line) for line in LINES[:2]])
    backend.add_scalars({k: v for k, v in LINES[2].items() if k != "step"}, LINES[2]["step"])
    backend.add_scalar("note", 1.0, 21)
    backend.close()


def test_wandb(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    give(WandbVisBackend(str(tmp_path), {"project": "p"}), tmp_path)
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert history(file) == [*LINES, {"note": 1.0, "step": 21}]


@pytest.mark.full
def test_wandb_without_a_login(tmp_path):
    """The run is recorded in files all the same, and the warning has how to upload them."""
    pytest.importorskip("wandb")
    script = (
        "import sys; from mmresnet.engine.trackers.wandb import WandbVisBackend\n"
        "backend = WandbVisBackend(sys.argv[1])\n"
        "backend.add_scalars({'loss': 0.5}, 3)\n"
        "backend.close()"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        capture_output=True,
        text=True,
        env={**environment, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert "to upload them later: wandb login, then wandb sync" in done.stdout
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert history(file) == [{"loss": 0.5, "step": 3}]


@pytest.mark.full
def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("alembic")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    save_dir = str(tmp_path / "work" / "20260101_000000" / "vis_data")
    give(MLflowVisBackend(save_dir, exp_name="recipe", run_name="work"), tmp_path)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'work' / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("recipe").experiment_id])
    assert (run.info.run_name, run.data.params["model.depth"]) == ("work", "18")
    assert run.info.status == "FINISHED"
    assert points(client, run, "loss") == [(10, 1.5), (20, 0.75)]
    assert points(client, run, "coco/AR_100") == [(1, 0.25)]
    assert list(tmp_path.glob("work/mlflow/*/artifacts/config.py"))


@pytest.mark.full
def test_mlflow_without_its_server(tmp_path, monkeypatch):
    """A training goes on, and is told why nothing is recorded."""
    pytest.importorskip("mlflow")
    warnings = []
    monkeypatch.setattr(sending, "print_log", lambda text, *_: warnings.append(text))
    backend = MLflowVisBackend(str(tmp_path / "20260101_000000" / "vis_data"))
    visualizer = Visualizer(name="unreachable", vis_backends=[backend], save_dir="")
    sending.outlive_failures(visualizer)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    give(backend, tmp_path)
    assert len(warnings) == 2
    assert warnings[0].startswith("MLflow cannot record this run now (API request to http://127")


def points(client, run, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]


@pytest.mark.full
def test_killed_and_resumed(tiny_images, tmp_path):
    """Each tracker has the curves of scalars.json, of both starts, each line once."""
    pytest.importorskip("wandb")
    mlflow = pytest.importorskip("mlflow")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    kinds = ("LocalVisBackend", "TensorboardVisBackend", "WandbVisBackend", "MLflowVisBackend")
    job = {
        "config": "resnet50_8xb32_in1k",
        "work_dir": str(tmp_path / "work"),
        "processes": 1,
        "kills": [["before_train_iter", 9]],  # after the first epoch, its validation and two more
        "options": {
            **SMALL,
            "data_root": str(tiny_images),
            "default_hooks.logger.interval": 1,
            "default_hooks.checkpoint.by_epoch": False,
            "default_hooks.checkpoint.interval": 1,
            "visualizer.vis_backends": [{"type": kind} for kind in kinds],
        },
    }
    jobs = tmp_path / "jobs.py"
    jobs.write_text(repr([job]))
    settings = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "MLFLOW_TRACKING_URI": ""}
    environment = {**os.environ, **settings}
    done = subprocess.run(
        [sys.executable, KILLING, jobs], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    first, last = sorted((tmp_path / "work").glob("2*/vis_data"))
    lines = [json.loads(line) for line in (last / "scalars.json").read_text().splitlines()]
    losses = [(one["step"], one["loss"]) for one in lines if "loss" in one]
    assert [step for step, _ in losses] == list(range(1, 13))
    (file,) = last.glob("wandb/offline-run-*/*.wandb")
    assert history(file) == lines
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'work' / 'mlflow.db'}")
    experiments = [one.experiment_id for one in client.search_experiments()]
    runs = client.search_runs(experiments, order_by=["attributes.start_time"])
    assert len(runs) == 2
    assert points(client, runs[-1], "loss") == losses
    events = EventAccumulator(str(last)).Reload()
    found = [(one.step, one.value) for one in events.Scalars("loss")]
    assert [step for step, _ in found] == [step for step, _ in losses]
    assert [x for _, x in found] == pytest.approx([x for _, x in losses])  # in float32
    assert first.is_dir()
