"""A log and curves on a full disk stop no training, and have no half lines."""

import json
import logging

from tiny_runs import fill_disk, tiny_run

from mmresnet.engine.checkpoints.full_disks import outlive_full_disks


def test_curves_have_gaps_but_no_half_lines(small_disk, caplog, capsys):
    runner = tiny_run(small_disk)
    outlive_full_disks(runner)
    fill_disk(small_disk)
    runner.logger.addHandler(caplog.handler)
    for step in range(300):
        runner.visualizer.add_scalars({"loss": 0.5, "step": step})
        runner.logger.info("a line of the log file, which is on the disk as well")
    warnings = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == [
        "The curves cannot be written (No space left on device) and will have gaps."
    ]
    (small_disk / "filler").unlink()
    runner.visualizer.add_scalars({"loss": 0.5, "step": 300})
    (curves,) = small_disk.glob("*/vis_data/scalars.json")
    steps = [json.loads(line)["step"] for line in curves.read_text().splitlines()]
    assert steps == [*range(len(steps) - 1), 300]
    assert 0 < len(steps) < 300
    assert "No space left" not in capsys.readouterr().err
