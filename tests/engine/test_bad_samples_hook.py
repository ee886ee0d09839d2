"""Files that cannot be used are counted and listed, and those of all processes count together."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_classifier import SMALL

pytest.importorskip("mmpretrain")

from mmresnet.apis import train

BAD = ("cat/2.jpg", "owl/1.jpg")  # of twelve, the indices 2 and 9
SETTINGS = {
    **SMALL,
    "on_bad_sample": "skip",
    "batch_size": 3,
}


@pytest.fixture
def settings(tiny_images: Path, tmp_path: Path) -> dict[str, object]:
    """Options of a training on images two of which are cut off."""
    root = shutil.copytree(tiny_images, tmp_path / "images")
    for name in BAD:
        path = root / "train" / name
        path.write_bytes(path.read_bytes()[:300])
    return {"data_root": str(root), **SETTINGS}


@pytest.mark.parametrize("workers", [0, 2])
def test_files_are_listed_after_each_epoch(workers, settings, tmp_path):
    more = {"num_workers": workers, "train_dataloader.dataset.max_bad_share": 0.2}
    work = tmp_path / "work"
    train("resnet50_8xb32_in1k", work_dir=str(work), cfg_options={**settings, **more}, device="cpu")
    (log,) = work.glob("*/*.log")
    text = log.read_text()
    for iteration in (4, 8):
        lines = text.partition(f"Training up to iteration {iteration}: ")[2].splitlines()
        assert lines[0] == "2 files could not be used, and other images took their place:"
        for name, line in zip(BAD, lines[1:3], strict=True):
            assert re.match(rf"  '\S*images/train/{name}': .*cut off", line), line


@pytest.mark.dist
def test_the_share_counts_for_all_processes_together(settings, tmp_path):
    """Each of two processes meets one bad file, which the data set allows, and not two."""
    options = settings | {
        "train_dataloader.dataset.max_bad_share": 0.1,
        "train_dataloader.sampler.shuffle": False,
    }
    script = Path(__file__).parents[2] / "tools" / "dist_train.sh"
    command = [str(script), "resnet50_8xb32_in1k", "2", "--work-dir", str(tmp_path / "work")]
    command += ["--device", "cpu", "--cfg-options", *(f"{k}={v}" for k, v in options.items())]
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    error = r"2 files of 12 cannot be used, more than max_bad_share=0\.1 of the data set allows"
    assert len(re.findall(error, done.stderr)) == 1
    assert "Traceback" not in done.stderr
    assert "Training up to iteration 2: 2 files could not be used" in done.stdout + done.stderr
