"""The hook that keeps what the last evaluation predicted, for the report of the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import collect_results, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmresnet.datasets import class_scores as score_files
from mmresnet.engine.predictions import Row, class_scores, detections, row_of
from mmresnet.evaluation.detection import detection_file
from mmresnet.registry import HOOKS


@HOOKS.register_module()
class PredictionsHook(Hook):
    """Write ``predictions/val`` or ``predictions/test`` into the work directory.

    Of a classifier these are class scores (``.npz``, see
    :func:`mmresnet.datasets.class_scores.save`), of a detector boxes with the true ones
    (``.json``, see :class:`mmresnet.evaluation.detection.detection_file.Detections`). Each
    evaluation replaces those of the one before. Models that predict something else leave nothing.
    """

    priority = "LOW"

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the last evaluation."""
        self._rows = []

    before_test_epoch = before_val_epoch

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Keep the predictions of a batch, on the CPU."""
        samples: Sequence[Any] = outputs if isinstance(outputs, list | tuple) else ()
        rows = (row_of(sample) for sample in samples if hasattr(sample, "get"))
        self._rows += [row for row in rows if row is not None]

    after_test_iter = after_val_iter

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write those of a validation."""
        evaluator = getattr(runner.val_loop, "evaluator", None)
        self._write(runner, "val", runner.val_dataloader.dataset, evaluator)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write those of a test."""
        evaluator = getattr(runner.test_loop, "evaluator", None)
        self._write(runner, "test", runner.test_dataloader.dataset, evaluator)

    def _write(self, runner: Runner, split: str, dataset: Any, evaluator: Any) -> None:
        rows = collect_results(self._rows, len(dataset), "cpu")
        self._rows = []
        if not rows or not is_main_process():
            return
        try:
            self._save(runner, split, rows, dataset, getattr(evaluator, "metrics", []))
        except Exception as error:  # whatever it is, the run goes on
            runner.logger.warning(f"The predictions are not kept for the report: {error!r}")

    def _save(
        self, runner: Runner, split: str, rows: list[Row], dataset: Any, metrics: Sequence[Any]
    ) -> None:
        meta = getattr(dataset, "metainfo", None) or {}
        classes = [str(name) for name in meta.get("classes") or ()]
        test = {"split": split, "config": Path(runner.cfg.filename or "run").stem}
        test |= {"epoch": runner.epoch, "iteration": runner.iter} if split == "val" else {}
        test |= {"checkpoint": str(runner.cfg.load_from)} if split == "test" else {}
        folder = Path(runner.work_dir, "predictions")
        folder.mkdir(exist_ok=True)
        if "boxes" in rows[0]:
            found = detections(rows, classes, test, metrics)
            detection_file.save(folder / f"{split}.json", found)
        else:
            score_files.save(folder / f"{split}.npz", class_scores(rows, classes, test))
