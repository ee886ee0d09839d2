"""The speed in the log, and what bounds it."""

import json
import time

import pytest
import torch
from number_net import Numbers

from mmresnet.engine.watch.speed import bound

SPEED = {"type": "mmresnet.SpeedHook"}


class SlowNumbers(Numbers):
    def __getitem__(self, index):
        time.sleep(0.1)
        return super().__getitem__(index)


def test_every_line_of_the_log_has_the_speed(run, tmp_path):
    runner = run(SPEED)
    (path,) = tmp_path.glob("*/vis_data/scalars.json")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 4
    for line in lines:
        assert line["images_per_second"] > 0
        assert {"lr", "time", "data_time", "memory"} <= line.keys()
    speeds = runner.message_hub.get_scalar("train/images_per_second").data[0]
    times = runner.message_hub.get_scalar("train/time").data[0]
    assert speeds == pytest.approx([2 / seconds for seconds in times])
    if not torch.cuda.is_available():
        assert 100 < lines[-1]["memory"] < 10000  # MB


def test_a_slow_data_set_bounds_the_speed(run, tmp_path):
    run(SPEED, SlowNumbers())
    (path,) = tmp_path.glob("*/*.log")
    (line,) = [one for one in path.read_text().splitlines() if "Speed until" in one]
    assert "Speed until epoch 1: " in line
    assert "bound by input (train_dataloader.num_workers=0: more may help)" in line


def test_a_training_by_iterations(run, tmp_path):
    loop = {"by_epoch": False, "max_iters": 4, "val_interval": 2}
    run(SPEED, train_cfg=loop, log_processor={"by_epoch": False})
    (path,) = tmp_path.glob("*/*.log")
    text = path.read_text()
    assert [f"Speed until iteration {number}: " in text for number in (2, 3, 4)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("of_processes", "workers", "expected"),
    [
        ([[100, 10, 1, 0]], 0, "10.0 images/s; input 10%, compute 90%; bound by compute"),
        (
            [[100, 10, 2, 0]],
            4,
            "10.0 images/s; input 20%, compute 80%; bound by input "
            "(train_dataloader.num_workers=4: more may help)",
        ),
        # one waits for its input, and the other for it
        (
            [[100, 10, 6, 1], [100, 10, 0, 7]],
            0,
            "20.0 images/s; input 60%, communication 10%, compute 30%; bound by input "
            "(train_dataloader.num_workers=0: more may help)",
        ),
        (
            [[100, 10, 0, 6], [100, 10, 0, 6]],
            2,
            "20.0 images/s; input 0%, communication 60%, compute 40%; bound by communication "
            "(model_wrapper_cfg.gradient_compression=bfloat16 halves the bytes)",
        ),
    ],
)
def test_what_bounds_the_speed(of_processes, workers, expected):
    assert bound(of_processes, workers) == expected
