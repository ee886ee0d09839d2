"""Mistakes that are told before torch is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mmpretrain")

REPOSITORY = Path(__file__).parents[2]
PROGRAM = """
import sys
from mmresnet.cli.main import main

class Terminal:
    told = None

    def write(self, text):
        if self.told is None:
            self.told = "torch" in sys.modules
        return sys.__stderr__.write(text)

    def flush(self):
        sys.__stderr__.flush()

sys.stderr = terminal = Terminal()
code = main(sys.argv[1:])
print(code, terminal.told)
"""


# without the checks that follow, which import torch
FIRST_ALONE = "from mmresnet.cli import early; early._others = lambda *_: ''"


def run(folder, *arguments, preparation=""):
    """Return the exit code, whether torch was imported when it was said, and what was said."""
    done = subprocess.run(
        [sys.executable, "-c", f"{preparation}\n{PROGRAM}", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    code, imported = done.stdout.split()[-2:]
    return int(code), imported == "True", done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "digits_resnet2"], "There is no config 'digits_resnet2'. The nearest"),
        (["train", "digits_resnet20", "--cfg-options", "a"], "takes key=value pairs, not 'a'"),
        (["train", "digits_resnet20", "--cfg-options", "data_rot=x"], "nearest is 'data_root'"),
        (["train", "digits_resnet20"], "the data folder 'data/digits/train' does not exist"),
        (["train", "digits_resnet20", "--work-dir", "file"], "--work-dir: 'file' is a file"),
        (["train", "faster-rcnn_r18_fpn_1x_coco"], "there is no annotation file 'data/coco/"),
        (
            ["train", "digits_resnet20", "--cfg-options", "load_from=x.pth"],
            "no checkpoint at 'x",
        ),
        (["test", "digits_resnet20", "x.pth"], "There is no checkpoint at 'x.pth'"),
        (["test", "digits_resnet20", "file"], "the data folder 'data/digits/val' does not exist"),
    ],
)
def test_told_without_torch(arguments, said, tmp_path):
    (tmp_path / "file").touch()
    code, imported, text = run(tmp_path, *arguments, preparation=FIRST_ALONE)
    assert (code, imported) == (2, False), text
    assert said in text


def test_the_other_mistakes_follow(tmp_path):
    code, imported, text = run(
        tmp_path,
        "train",
        "digits_resnet20",
        "--cfg-options",
        "model.backbone.dept=20",
        "data_rot=x",
    )
    assert (code, imported) == (2, False)
    first, heading, *others = text.splitlines()
    assert "nearest is 'data_root'" in first
    assert heading == "And also:"
    assert [line.split(": ")[0] for line in others] == [
        "  model.backbone.dept",
        "  train_dataloader.dataset",
        "  val_dataloader.dataset",
    ]
