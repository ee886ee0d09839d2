"""Errors of several runs in one picture."""

import json

import pytest
from PIL import Image

from mmresnet.cli.main import main
from mmresnet.errors import UserError
from mmresnet.visualization.errors import plot_errors, read_errors

pytest.importorskip("matplotlib")


def train_line(step, **more):
    return {"lr": 0.1, "loss": 1.0, "epoch": 1, "iter": step, "step": step, **more}


def val_line(top1, epoch):
    return {"accuracy/top1": top1, "time": 0.1, "step": epoch}


def write_log(work_dir, start, lines):
    folder = work_dir / start / "vis_data"
    folder.mkdir(parents=True)
    (folder / "scalars.json").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def run(folder, name, train=(20.0, 60.0), test=(50.0, 70.0)):
    """A run that logs two epochs of ten steps with these accuracies, in percent."""
    lines = []
    for epoch, (seen, held_out) in enumerate(zip(train, test, strict=True), 1):
        lines.append(train_line(10 * epoch, **{"accuracy_top-1": seen}))
        lines.append(val_line(held_out, epoch))
    write_log(folder / name, "20260101_000000", lines)
    return folder / name


def test_errors_are_what_is_left_of_the_accuracies(tmp_path):
    assert read_errors(run(tmp_path, "a")) == ({10: 80.0, 20: 40.0}, {10: 50.0, 20: 30.0})


def test_a_resumed_run_drops_later_training_errors(tmp_path):
    work_dir = run(tmp_path, "a")
    write_log(work_dir, "20260102_000000", [train_line(20, **{"accuracy_top-1": 90.0})])
    assert read_errors(work_dir) == ({10: 80.0, 20: 10.0}, {10: 50.0})


def test_the_command_draws_panels_side_by_side(tmp_path, capsys):
    runs = [str(run(tmp_path, name)) for name in ("plain20", "plain56", "resnet20")]
    picture = tmp_path / "new" / "errors.png"
    words = ["--panel", *runs[:2], "--panel", runs[2], "--limits", "0", "60"]
    assert main(["plot", "errors", str(picture), *words]) == 0
    assert capsys.readouterr().out == f"Wrote {picture}.\n"
    assert Image.open(picture).size == (1210, 462)  # 2 · 5.2 + 0.6 inches by 4.2, 110 dots each


def test_curves_are_drawn_as_in_the_paper(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(
        "mmresnet.visualization.errors.save", lambda figure, path: figures.append(figure)
    )
    plot_errors([[run(tmp_path, "plain20")], [run(tmp_path, "resnet20")]], "a.png", (0, 20))
    left, right = figures[0].axes
    train, test = right.lines
    assert (train.get_linestyle(), test.get_linestyle()) == ("--", "-")
    assert train.get_linewidth() < test.get_linewidth()
    assert train.get_color() == test.get_color() == left.lines[0].get_color()
    assert list(test.get_xdata()) == [10, 20] and list(test.get_ydata()) == [50.0, 30.0]
    assert left.get_ylim() == right.get_ylim() == (0, 20)
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["resnet20"]


def test_what_a_log_lacks_is_said(tmp_path):
    write_log(tmp_path / "a", "20260101_000000", [train_line(10), val_line(50.0, 1)])
    with pytest.raises(UserError, match=r"no training accuracy: .*model\.head\.cal_acc=True"):
        read_errors(tmp_path / "a")
    line = train_line(10, **{"accuracy_top-1": 50.0})
    write_log(tmp_path / "b", "20260101_000000", [line])
    with pytest.raises(UserError, match="no validation with accuracy/top1"):
        read_errors(tmp_path / "b")
    with pytest.raises(UserError, match="7 runs: give at most 6"):
        plot_errors([[run(tmp_path, "c")] * 7], tmp_path / "a.png")
