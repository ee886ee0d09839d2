"""The curves of a run: what is read from its logs, and the figure."""

import json

import pytest
from PIL import Image

from mmresnet.errors import UserError
from mmresnet.visualization.curves import _draw_loss, _draw_metrics, plot_curves, read_curves
from mmresnet.visualization.figure import new_figure

pytest.importorskip("matplotlib")


def write_log(work_dir, start, lines):
    folder = work_dir / start / "vis_data"
    folder.mkdir(parents=True)
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "scalars.json").write_text("\n".join(text) + "\n")


def train_line(step, loss, lr=0.1):
    return {"lr": lr, "loss": loss, "time": 0.1, "epoch": 1, "iter": step, "step": step}


def val_line(top1, epoch):
    return {"accuracy/top1": top1, "data_time": 0.0, "time": 0.1, "step": epoch}


def test_a_metric_belongs_to_the_last_training_step_before_it(tmp_path):
    lines = [train_line(10, 2.0), train_line(20, 1.0, 0.05), val_line(40.0, 1)]
    write_log(tmp_path, "20260101_000000", [*lines, train_line(30, 0.5), val_line(60.0, 2)])
    curves = read_curves(tmp_path)
    assert curves.loss == {10: 2.0, 20: 1.0, 30: 0.5}
    assert curves.rate == {10: 0.1, 20: 0.05, 30: 0.1}
    assert curves.metrics == {"accuracy/top1": {20: 40.0, 30: 60.0}}


def test_a_resumed_run_is_one_curve(tmp_path):
    lines = [train_line(10, 2.0), val_line(40.0, 1), train_line(20, 9.0), val_line(9.0, 2)]
    write_log(tmp_path, "20260101_000000", [*lines, '{"lr": 0.1, "lo'])
    write_log(tmp_path, "20260102_000000", [train_line(20, 1.0), train_line(30, 0.5)])
    curves = read_curves(tmp_path)
    assert curves.loss == {10: 2.0, 20: 1.0, 30: 0.5}
    assert curves.metrics == {"accuracy/top1": {10: 40.0}}


def test_logs_of_tests_are_left_out(tmp_path):
    write_log(tmp_path, "20260101_000000", [train_line(10, 2.0)])
    write_log(tmp_path, "20260102_000000", [val_line(40.0, 0)])
    assert read_curves(tmp_path).metrics == {}


def test_undefined_metrics_and_terms_of_the_validation_loss_are_left_out(tmp_path):
    detector = {"coco/bbox_mAP": 0.4, "coco/bbox_mAP_l": -1.0, "step": 1}
    losses = {"val/loss": 1.5, "val/loss_rpn_cls": 0.5, "val/acc": 90.0}
    write_log(tmp_path, "20260101_000000", [train_line(10, 2.0), {**detector, **losses}])
    curves = read_curves(tmp_path)
    assert curves.metrics == {"coco/bbox_mAP": {10: 0.4}, "val/acc": {10: 90.0}}
    assert curves.val_loss == {10: 1.5}


def test_a_resumed_run_drops_later_validation_losses(tmp_path):
    lines = [train_line(10, 2.0), {"val/loss": 1.5}, train_line(20, 1.0), {"val/loss": 9.0}]
    write_log(tmp_path, "20260101_000000", lines)
    write_log(tmp_path, "20260102_000000", [train_line(20, 1.0)])
    assert read_curves(tmp_path).val_loss == {10: 1.5}


@pytest.mark.parametrize("lines", [[], [val_line(40.0, 0)]])
def test_a_folder_without_a_training_log_is_refused(tmp_path, lines):
    if lines:
        write_log(tmp_path, "20260101_000000", lines)
    with pytest.raises(UserError, match="holds no training log"):
        plot_curves(tmp_path, tmp_path / "curves.png")


@pytest.mark.parametrize("count", [1, 60])
def test_the_figure_is_drawn(tmp_path, count):
    lines = [train_line(step, 2.0 / (step + 1)) for step in range(count)]
    several = {"coco/bbox_mAP": 0.4, "coco/bbox_mAP_50": 0.6, "coco/bbox_mAP_75": 0.3}
    for name, validation in (
        ("a", val_line(40.0, 1)),
        ("b", {**several, "d": 0.1, "val/loss": 1.0}),
    ):
        write_log(tmp_path / name, "20260101_000000", [*lines, validation])
        picture = tmp_path / name / "new" / "curves.png"
        plot_curves(tmp_path / name, picture)
        width, height = Image.open(picture).size
        assert (width, height) == (1320, 418)
        assert len(Image.open(picture).convert("RGB").getcolors(1 << 20)) > 50


def test_only_the_first_of_many_metrics_are_drawn():
    axes = new_figure(4.0, 4.0).subplots()
    _draw_metrics(axes, {f"metric{i}": {10: 0.1 * i, 20: 0.2} for i in range(7)})
    assert [line.get_label() for line in axes.lines] == ["metric0", "metric1", "metric2"]


def test_the_validation_loss_is_drawn_with_the_training_loss():
    axes = new_figure(4.0, 4.0).subplots()
    _draw_loss(axes, {10: 2.0, 20: 1.0}, {20: 1.5})
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert drawn == {"training": [2.0, 1.0], "validation": [1.5]}
