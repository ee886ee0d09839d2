"""tools/demo.sh, with a fake Python that only records its calls."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLS = "work_dirs/digits_resnet20"
DET = "work_dirs/digits_faster-rcnn_resnet20_fpn"
# writes the files that tools/train.py would write, unless it is to fail before that
FAKE = f"""#!/usr/bin/env bash
echo "$@" >> calls
if [[ "$*" == "$FAIL"* ]]; then exit 3; fi
if [ "$1" = tools/train.py ]; then
    mkdir -p "$4/20260101_000000/vis_data"
    touch "$4/last_checkpoint"
    if [ "$4" = {CLS} ]; then touch $4/best_accuracy_top1_epoch_13.pth $4/epoch_20.pth
    else touch $4/best_coco_bbox_mAP_epoch_6.pth; fi
fi
if [ "$1" = tools/test.py ]; then
    printf '  device   cpu\\n+---+\\ncoco/bbox_mAP: 0.5000\\ncoco/bbox_mAP_l: -1.0000\\n'
fi
"""


@pytest.fixture
def demo(tmp_path):
    """``demo(argument, fail="no call")`` returns exit code, calls and output."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "demo.sh", tmp_path / "tools" / "demo.sh")
    fake = tmp_path / "python"
    fake.write_text(FAKE)
    fake.chmod(0o755)

    def run(*arguments, fail="no call"):
        (tmp_path / "calls").write_text("")
        done = subprocess.run(
            [tmp_path / "tools" / "demo.sh", *arguments],
            env={**os.environ, "PYTHON": str(fake), "FAIL": fail},
            capture_output=True,
            text=True,
        )
        calls = (tmp_path / "calls").read_text().splitlines()
        return done.returncode, calls, done.stdout + done.stderr

    run.folder = tmp_path
    return run


def tools(calls):
    return [call.split()[0].removeprefix("tools/").removesuffix(".py") for call in calls]


CLASSIFIER = ["make_digits", "train", "test", "plot_curves", "plot_predictions", "export"]
DETECTOR = ["make_digit_scenes", "train", "test", "plot_curves", "infer", "plot_detections"]


def test_both_are_trained_and_reported(demo):
    code, calls, output = demo()
    assert code == 0
    assert tools(calls) == CLASSIFIER + DETECTOR
    for path in (
        f"{CLS}/best_accuracy_top1_epoch_13.pth",
        f"{CLS}/20260101_000000",
        f"{CLS}/report.html",
        f"{CLS}/predictions.png",
        f"{DET}/best_coco_bbox_mAP_epoch_6.pth",
        f"{DET}/20260101_000000",
        f"{DET}/report.html",
        f"{DET}/detections.png",
    ):
        assert path in output
    assert output.count("Test: coco/bbox_mAP: 0.5000  coco/bbox_mAP_l: -1.0000\n") == 2
    assert "device" not in output
    assert len(output.splitlines()) <= 13  # 60 with the lines of the commands


def test_the_files_that_it_names_exist():
    text = (ROOT / "tools" / "demo.sh").read_text()
    named = set(re.findall(r"(?:tools|configs)/[\w/.-]+\.py", text))
    assert len(named) >= 12
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_detector_is_initialized_from_the_checkpoint_that_its_recipe_names():
    recipe = ROOT / "configs" / "demo" / "digits_faster-rcnn_resnet20_fpn.py"
    assert f'"{CLS}/epoch_20.pth"' in recipe.read_text()


def test_only_one(demo):
    code, calls, output = demo("cls")
    assert (code, tools(calls)) == (0, CLASSIFIER)
    assert "The classifier: " in output and "The detector" not in output
    code, calls, output = demo("det")
    assert (code, tools(calls)) == (0, DETECTOR)
    assert "The classifier" not in output and "The detector: " in output


def test_the_detector_alone_trains_the_classifier_first_if_it_is_missing(demo):
    code, calls, output = demo("det")
    assert (code, tools(calls)) == (0, ["make_digits", "train", *DETECTOR])
    assert "work_dirs/digits_resnet20/epoch_20.pth, which does not exist yet" in output
    (demo.folder / CLS / "epoch_20.pth").unlink()
    assert tools(demo("det")[1])[:2] == ["make_digits", "train"]


def test_a_second_call_reuses_results(demo):
    demo()
    code, calls, output = demo()
    assert code == 0
    assert "train" not in tools(calls)
    assert output.count("Using the finished training in") == 2


def test_an_interrupted_training_is_resumed(demo):
    demo()
    (demo.folder / DET / "finished").unlink()
    code, calls, output = demo()
    assert code == 0
    assert [call for call in calls if "train.py" in call] == [
        f"tools/train.py configs/demo/{Path(DET).name}.py --work-dir {DET} --resume"
    ]
    assert f"Resuming the interrupted training in {DET};" in output


@pytest.mark.parametrize("fail", ["tools/train.py", "tools/test.py", "tools/make_digits.py"])
def test_a_failure_ends_it(demo, fail):
    code, calls, output = demo(fail=fail)
    assert code == 3
    assert calls[-1].startswith(fail)
    assert "The classifier: " not in output
    assert (demo.folder / CLS / "finished").exists() is (fail == "tools/test.py")


def test_an_unknown_argument_is_refused(demo):
    code, calls, output = demo("detector")
    assert (code, calls) == (2, [])
    assert "takes cls, det or no argument (both), not 'detector'" in output
