"""tools/infer.py with a net that was trained for an epoch: its output and its error messages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "resnet50_8xb32_in1k.py")
CLASSES = ["cat", "dog", "owl"]


def test_pictures_and_the_json_are_written(call, trained, tiny_images, tmp_path, capsys):
    out = tmp_path / "out"
    images = tiny_images / "val", tiny_images / "train" / "cat" / "?.jpg"
    more = "--batch-size", 4, "--score-thr", 0.5, "--precision", "bfloat16"
    assert call("infer", CONFIG, trained / "epoch_1.pth", *images, "--out", out, *more) == 0
    written = json.loads((out / "results.json").read_text())
    assert written["classes"] == CLASSES
    assert written["score_thr"] == 0.5
    assert len(written["results"]) == 10
    assert all((out / one["picture"]).is_file() for one in written["results"])
    assert capsys.readouterr().out.splitlines()[-1] == f"10 images: {out}/results.json"


def test_the_checkpoint_can_have_another_number_of_classes_than_the_recipe(
    call, trained, tiny_images, tmp_path
):
    images = tiny_images / "val" / "cat" / "0.jpg"
    argv = CONFIG, trained / "epoch_1.pth", images, "--out", tmp_path, "--no-pictures"
    assert call("infer", *argv, options=["num_classes=7"]) == 0
    (result,) = json.loads((tmp_path / "results.json").read_text())["results"]
    assert sorted(label["name"] for label in result["labels"]) == CLASSES
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_an_unreadable_image_is_reported_and_the_others_are_processed(
    call, trained, tiny_images, tmp_path, capsys
):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"nonsense")
    images = bad, tiny_images / "val"
    with pytest.raises(SystemExit) as caught:
        call("infer", CONFIG, trained / "epoch_1.pth", *images, "--out", tmp_path / "out")
    assert caught.value.code == 1
    captured = capsys.readouterr()
    assert f"Error reading '{bad}': it is in no known image format" in captured.err
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(written["results"]) == 6
    assert [one["path"] for one in written["failed"]] == [str(bad)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": "no_such.jpg"}, "There is no file or folder 'no_such.jpg'."),
        ({"images": "no_such/*.jpg"}, "No file matches 'no_such/*.jpg'."),
        ({"checkpoint": "no_such.pth"}, "'no_such.pth'"),
        ({"options": ["model.backbone.depth=34"]}, "holds ResNet-18, and the model has ResNet-34"),
        ({"options": ["model.backbone.dept=34"]}, "Did you mean 'depth'?"),
        ({"options": ["test_dataloader.dataset.pipeline.1.type=Resiz"]}, "Did you mean 'Resize'?"),
        ({"more": ["--engine", "openvin"]}, "Did you mean 'openvino'?"),
    ],
)
def test_a_mistake_is_reported_in_one_line(
    change, words, call, trained, tiny_images, tmp_path, capsys
):
    images = change.get("images", tiny_images / "val")
    argv = CONFIG, change.get("checkpoint", trained / "epoch_1.pth"), images, "--out", tmp_path
    argv += tuple(change.get("more", ()))
    assert call("infer", *argv, options=change.get("options", ())) == 2
    (message,) = [line for line in capsys.readouterr().err.splitlines() if "arn" not in line]
    assert words in message
    assert not (tmp_path / "results.json").exists()


def test_help_shows_an_example_without_importing_torch():
    code = (
        "import runpy, sys; sys.argv = ['tools/infer.py', '--help']\n"
        "try: runpy.run_path('tools/infer.py', run_name='__main__')\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "python tools/infer.py resnet50_8xb32_in1k" in done.stdout
    assert done.stderr == "False\n"
