"""Curves of a resumed run: what was logged after the checkpoint is left out, nothing else."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from mmresnet.engine.resume import curves


def start(work_dir: Path, name: str, backend: object = None) -> SimpleNamespace:
    (work_dir / name / "vis_data").mkdir(parents=True)
    visualizer = SimpleNamespace(_vis_backends={"backend": backend})
    warnings: list[str] = []
    logger = SimpleNamespace(warning=warnings.append, warnings=warnings)
    log_dir = str(work_dir / name)
    return SimpleNamespace(
        work_dir=str(work_dir), log_dir=log_dir, visualizer=visualizer, logger=logger
    )


def test_json(tmp_path: Path) -> None:
    first = start(tmp_path, "20260101_000000")
    for name in ("scalars.json", "20260101_000000.json"):
        (tmp_path / "20260101_000000" / "vis_data" / name).write_text('{"step": 1}\n')
    saved = curves.sizes(first)
    with (tmp_path / "20260101_000000" / "vis_data" / "scalars.json").open("a") as file:
        file.write('{"step": 2}\n{"st')  # after the checkpoint
    second = start(tmp_path, "20260102_000000")
    curves.carry_over(second, saved)
    folder = tmp_path / "20260102_000000" / "vis_data"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "scalars.json": '{"step": 1}\n',
        "20260102_000000.json": '{"step": 1}\n',
    }


def test_a_run_of_another_folder_that_began_in_the_same_second(tmp_path: Path) -> None:
    name = "20260101_000000"
    first = start(tmp_path / "first", name)
    (tmp_path / "first" / name / "vis_data" / "scalars.json").write_text('{"step": 1}\n')
    second = start(tmp_path / "second", name)
    curves.carry_over(second, curves.sizes(first))
    found = tmp_path / "second" / name / "vis_data" / "scalars.json"
    assert found.read_text() == '{"step": 1}\n'
    curves.carry_over(second, curves.sizes(second))  # its own
    assert found.read_text() == '{"step": 1}\n'


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    runner = start(tmp_path, "20260102_000000")
    saved = {
        "work_dir": "/gone",
        "folder": "20260101_000000/vis_data",
        "files": {"scalars.json": 9},
    }
    curves.carry_over(runner, saved)
    assert runner.logger.warnings == [
        "'/gone/20260101_000000/vis_data/scalars.json' is gone: the curves of this start begin "
        "where it resumes."
    ]


def test_tensorboard(tmp_path: Path) -> None:
    """Each step once, and none missing, for a reader of the folder of the last start."""
    pytest.importorskip("tensorboard")
    from mmengine.visualization import TensorboardVisBackend
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    saved = None
    for name, steps, last in (("20260101_000000", range(5), 2), ("20260102_000000", (3, 4), None)):
        backend = TensorboardVisBackend(str(tmp_path / name / "vis_data"))
        runner = start(tmp_path, name, backend)
        if saved:
            curves.carry_over(runner, saved)
        for step in steps:
            backend.add_scalar("loss", 1.0 / (step + 1), step)
            if step == last:
                saved = curves.sizes(runner)
        backend.close()
    events = EventAccumulator(str(tmp_path / "20260102_000000" / "vis_data"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [0, 1, 2, 3, 4]
