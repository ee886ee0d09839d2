"""Two processes of tools/dist_train.sh compute what one does; mistakes are reported once."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import group_norm
import pytest

pytestmark = pytest.mark.dist

ROOT = Path(__file__).parents[2]
# a fixed order: process r of 2 gets the images r, r + 2, …, so that in each step the two together
# see the images of one process with twice the batch size
CONFIG = f"""
{group_norm.CONFIG}
custom_imports = dict(imports=["write_losses"])
custom_hooks = [dict(type="WriteLosses")]
default_hooks = dict(checkpoint=dict(interval=7))
train_dataloader = dict(sampler=dict(type="DefaultSampler", shuffle=False))
train_cfg = dict(max_epochs=7)  # of three iterations
"""
HOOK = """
import json
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class WriteLosses(Hook):
    def before_train(self, runner):
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(float(outputs["loss"]))

    def after_train(self, runner):
        path = Path(runner.work_dir, f"losses{get_rank()}.json")
        path.write_text(json.dumps(self.losses))
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    base = str(ROOT / "configs" / "resnet50_8xb32_in1k.py")
    (folder / "config.py").write_text(CONFIG.format(base=base))
    (folder / "write_losses.py").write_text(HOOK)
    return folder / "config.py"


def start(config, work, images, processes, *options) -> subprocess.CompletedProcess:
    script = [str(ROOT / "tools" / "dist_train.sh"), str(config), str(processes)]
    settings = [f"data_root={images}", "num_classes=3", "num_workers=0", "precision=float32"]
    path = os.pathsep.join([str(ROOT), str(config.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*script, "--work-dir", str(work), "--device", "cpu", "--cfg-options", *settings, *options],
        env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )


def losses_of_two(work) -> list[float]:
    """Return the mean of both processes' losses, which is the loss of the whole batch."""
    of_ranks = [json.loads((work / f"losses{rank}.json").read_text()) for rank in range(2)]
    return [sum(pair) / 2 for pair in zip(*of_ranks, strict=True)]


@pytest.mark.parametrize("frozen", [-1, pytest.param(1, marks=pytest.mark.full)])
def test_two_processes_compute_what_one_does(frozen, config, tiny_images, tmp_path, monkeypatch):
    freeze = f"model.backbone.frozen_stages={frozen}"
    done = start(config, tmp_path / "two", tiny_images, 2, "batch_size=2", freeze)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "this run has 2x2 = 4" in done.stdout
    assert done.stdout.count("Training config: ImageClassifier, ResNet-18, ") == 1
    assert re.search(r"^  device   cpu, \d+ threads?, 2 processes; float32,", done.stdout, re.M)
    epochs = re.findall(r"^epoch (\d)/7  loss ", done.stdout, re.M)
    assert epochs == list("1234567")
    said = ("Warning: ", "Could not import OneDL")  # the latter by the fork of mmpretrain
    lines = [line for line in done.stdout.splitlines() if not line.startswith(said)]
    assert len(lines) == 13  # a header of six lines
    two = losses_of_two(tmp_path / "two")

    monkeypatch.syspath_prepend(config.parent)
    from mmresnet.apis import train

    settings = {
        "data_root": str(tiny_images),
        "num_classes": 3,
        "batch_size": 4,
        "num_workers": 0,
        "precision": "float32",
        "model.backbone.frozen_stages": frozen,
    }
    train(str(config), work_dir=str(tmp_path / "one"), cfg_options=settings, device="cpu")
    one = json.loads((tmp_path / "one" / "losses0.json").read_text())
    assert len(one) == 21
    assert sum(one[-3:]) < sum(one[:3])  # it learns, so that the comparison covers the updates
    print("largest difference", max(abs(a - b) for a, b in zip(one, two, strict=True)))
    assert two == pytest.approx(one, abs=1e-5)


@pytest.mark.full
def test_a_mistake_is_reported_once(config, tiny_images, tmp_path):
    done = start(config, tmp_path, tiny_images, 2, "model.backbone.dept=18")
    assert done.returncode == 2
    assert done.stderr.count("model.backbone.dept:") == 1
    assert "Traceback" not in done.stderr
