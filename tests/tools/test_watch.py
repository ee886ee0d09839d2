"""What a training watches: real runs of a recipe that go wrong, in one and two processes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_classifier import SMALL

from mmresnet.engine.resume.compare import compare_runs

ROOT = Path(__file__).parents[2]
RECIPE = "resnet50_8xb32_in1k"


def test_a_training_that_diverges_is_replayed(call, load_tool, tmp_path, capsys):
    from mmresnet.cli.main import main

    options = ["optim_wrapper.optimizer.lr=1e20", "precision=float32"]
    assert call("train", RECIPE, "--work-dir", tmp_path, options=options) == 1
    message = [line for line in capsys.readouterr().err.splitlines() if line][-1]
    assert re.match(r"Non-finite loss.* nan, gradient norm nan in iteration 2 \(epoch 1\)", message)
    module = re.search(r"output is that of (backbone\.\S+ \(\w+\)), from finite input", message)
    assert "Learning rate 1e+20. Images: " in message
    arguments = message.partition("To compute it again: mmresnet ")[2].split()
    assert main(arguments) == 0
    first, losses, found = capsys.readouterr().out.splitlines()
    assert first.startswith("Iteration 2, learning rate 1e+20: ")
    assert losses == "float32: loss nan"
    assert found == f"  first non-finite output: {module[1]}, from finite input"
    assert main([*arguments[:2], arguments[1]]) == 2
    assert "is not a saved batch" in capsys.readouterr().err


def test_the_loss_of_the_validation_set(call, tmp_path):
    assert call("train", RECIPE, "--val-loss", "--work-dir", tmp_path) == 0
    (path,) = tmp_path.glob("*/vis_data/scalars.json")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[-1]["val/loss"] > 0
    assert {"grad_norm", "images_per_second", "data_time", "lr"} <= lines[0].keys()


# --- two processes ------------------------------------------------------------------------------

OPTIONS = {
    **SMALL,
    "train_dataloader.dataset.pipeline.1.scale": 64,
    "val_dataloader.dataset.pipeline.2.crop_size": 64,
    "train_cfg.max_epochs": 3,
    "default_hooks.logger.interval": 1,
}


@pytest.fixture
def start(tiny_images, tmp_path):
    """``start(config, work, *arguments, **settings)`` starts two processes of the training."""

    def popen(config, work, *arguments, settings=()):
        options = {**OPTIONS, "data_root": tiny_images, **dict(settings)}
        path = os.pathsep.join([str(ROOT), str(tmp_path), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [
                str(ROOT / "tools" / "dist_train.sh"),
                str(config),
                "2",
                *map(str, ["--work-dir", work, "--device", "cpu", *arguments, "--cfg-options"]),
                *(f"{key}={value}" for key, value in options.items()),
            ],
            env={
                **os.environ,
                "PYTHON": sys.executable,
                "PYTHONPATH": path,
                "PYTHONUNBUFFERED": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return popen


def rank_1_of(launcher: int) -> int:
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes().split(b"\0")
            parent = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"RANK=1" in environment and int(parent) == launcher:
            return int(path.parent.name)
    raise AssertionError("there is no process of rank 1")


@pytest.mark.full
def test_a_killed_process_and_the_same_weights(start, tmp_path):
    """Killed between two epochs and started again by torchrun: bit for bit as if it were not."""
    whole = start(RECIPE, tmp_path / "whole")
    assert whole.wait(300) == 0
    killed = start(RECIPE, tmp_path / "killed", "--max-restarts", "1")
    lines = []
    for line in killed.stdout:
        lines.append(line)
        if line.startswith("epoch 2/3"):
            os.kill(rank_1_of(killed.pid), signal.SIGKILL)
            break
    lines += killed.stdout.readlines()
    assert killed.wait(300) == 0
    text = "".join(lines)
    assert "was killed by signal 9, SIGKILL" in text
    assert "All processes start again (restart 1)." in text
    assert set(compare_runs(tmp_path / "whole", tmp_path / "killed").values()) == {"equal"}


MODELS = """
_base_ = [{base!r}]
custom_imports = dict(imports=["watched_parts"])
"""
PARTS = """
import torch
from mmpretrain.models import ImageClassifier, GlobalAveragePooling
from mmpretrain.registry import MODELS, TRANSFORMS
from mmcv.transforms import BaseTransform


@MODELS.register_module(force=True)
class NeckWithMore(GlobalAveragePooling):
    def __init__(self):
        super().__init__()
        self.spare = torch.nn.Linear(2, 2)


@TRANSFORMS.register_module(force=True)
class Spoil(BaseTransform):
    def __init__(self, **of_the_step_before):
        pass

    def transform(self, results):
        results["img"] = results["img"].astype("float32")
        if results["img_path"].endswith("dog/3.jpg"):
            results["img"][0, 0] = float("inf")
        return results
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "watched_parts.py").write_text(PARTS)
    base = str(ROOT / "configs" / f"{RECIPE}.py")
    (tmp_path / "config.py").write_text(MODELS.format(base=base))
    return tmp_path / "config.py"


@pytest.mark.full
def test_unused_parameters_are_named(start, config, tmp_path):
    run = start(config, tmp_path / "work", settings={"model.neck.type": "NeckWithMore"})
    text = run.communicate(timeout=300)[0]
    assert run.returncode == 1
    assert "does not depend on 2 of 64 parameters: neck.spare.weight, neck.spare.bias." in text
    assert "find_unused_parameters=True" in text
    assert "Traceback" not in text


@pytest.mark.full
@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_the_process_with_a_bad_image_names_it(policy, start, config, tmp_path):
    hook = f"[{{'type': 'mmresnet.NonFiniteHook', 'on_non_finite': '{policy}'}}]"
    spoil = "train_dataloader.dataset.pipeline.2"
    settings = {"custom_hooks": hook, f"{spoil}.type": "Spoil"}
    run = start(config, tmp_path / "work", settings=settings)
    text = run.communicate(timeout=300)[0]
    assert "Traceback" not in text
    messages = re.findall(r"^.*Non-finite.* in process [01]: .*$", text, re.M)
    assert all(re.search(r"Images: \S+/train/dog/3\.jpg\.", message) for message in messages)
    assert (run.returncode, len(messages)) == ((1, 1) if policy == "stop" else (0, 3)), text


@pytest.mark.full
def test_synchronized_batchnorm_of_two_processes(start, tmp_path, tiny_images):
    """Two processes of two images compute what one does of four."""
    from mmresnet.apis import train

    settings = {
        "precision": "float32",
        "model.backbone.norm_cfg.type": "SyncBN",
        "train_dataloader.sampler.shuffle": False,
        "train_dataloader.dataset.pipeline.1.type": "Resize",
        "train_dataloader.dataset.pipeline.2.prob": 0.0,
        "train_cfg.max_epochs": 2,
        "optim_wrapper.optimizer.lr": 0.01,
    }
    run = start(RECIPE, tmp_path / "two", settings=settings)
    text = run.communicate(timeout=300)[0]
    assert run.returncode == 0, text
    options = {**OPTIONS, "data_root": str(tiny_images), **settings, "batch_size": 4}
    train(RECIPE, work_dir=str(tmp_path / "one"), cfg_options=options, device="cpu")
    one, two = (
        torch.load(tmp_path / name / "epoch_2.pth", weights_only=False)["state_dict"]
        for name in ("one", "two")
    )
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4)
