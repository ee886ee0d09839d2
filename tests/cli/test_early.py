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


def run(folder, *arguments):
    """Return the exit code, whether torch was imported when it was said, and what was said."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
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
        pytest.param(
            *(
                ["train", "digits_resnet20", "--cfg-options", "data_rot=x"],
                "nearest is 'data_root'",
            ),
            marks=pytest.mark.full,
        ),
        pytest.param(
            *(["train", "digits_resnet20"], "the data folder 'data/digits/train' does not exist"),
            marks=pytest.mark.full,
        ),
        (["train", "digits_resnet20", "--work-dir", "file"], "--work-dir: 'file' is a file"),
        (["train", "faster-rcnn_r18_fpn_1x_coco"], "there is no annotation file 'data/coco/"),
        pytest.param(
            *(
                ["train", "digits_resnet20", "--cfg-options", "load_from=x.pth"],
                "no checkpoint at 'x",
            ),
            marks=pytest.mark.full,
        ),
        (["test", "digits_resnet20", "x.pth"], "There is no checkpoint at 'x.pth'"),
        pytest.param(
            *(
                ["test", "digits_resnet20", "file"],
                "the data folder 'data/digits/val' does not exist",
            ),
            marks=pytest.mark.full,
        ),
    ],
)
def test_told_without_torch(arguments, said, tmp_path):
    (tmp_path / "file").touch()
    code, imported, text = run(tmp_path, *arguments)
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
