"""Writing a trained model for another runtime, and comparing what was written with the model."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmresnet
from mmresnet.config.classes import follow_checkpoint
from mmresnet.config.preflight.initial_weights import check_exists
from mmresnet.engine.assembly import is_detector, load_model, prepare
from mmresnet.errors import ExportError, UserValueError
from mmresnet.export.classifier import ClassifierTask
from mmresnet.export.first_difference import first_difference
from mmresnet.export.folder import (
    FORMAT,
    REPORT,
    RUNNER,
    Export,
    check_out,
    import_runner,
    model_bytes,
    new_folder,
    open_export,
)
from mmresnet.export.operators import explain_operators
from mmresnet.export.parity import Parity, Tolerance
from mmresnet.export.quantization.calibration import NUMBER as CALIBRATED_ON
from mmresnet.export.quantization.calibration import calibration_images
from mmresnet.export.quantization.int8 import MAX_DROP, check_target, to_int8
from mmresnet.export.quantization.int8 import tolerance as int8_tolerance
from mmresnet.export.runner import runner
from mmresnet.export.samples import Samples, check_preparation, find_samples
from mmresnet.export.targets import Target, find_target
from mmresnet.weights.checkpoint import read

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmresnet.export.task import Task

NUMBER, NUMBER_INT8 = 256, 2000
"""How many images are compared; 0.5 points of top-1 are 10 of 2,000."""


def export_model(
    config: str | os.PathLike[str] | Config,
    checkpoint: str | os.PathLike[str],
    to: str,
    out: str | os.PathLike[str] | None = None,
    *,
    images: Sequence[str] = (),
    number: int | None = None,
    force: bool = False,
    tolerance: Tolerance | None = None,
    int8: bool = False,
    max_drop: float = MAX_DROP,
    cfg_options: Mapping[str, Any] | None = None,
) -> Export:
    """Write a folder with the model for another runtime, run.py and report.json.

    The file is run in its own runtime on images, and compared with the model: beyond the tolerance
    nothing is kept.

    Args:
        to: The format: "onnx", "torch", "aoti" or "openvino".
        out: The folder; by default ``exports/<config>_<format>``.
        images: Files and folders to compare on, rather than the recipe's validation set. Where
            there is neither, synthetic images are taken.
        number: How many images at most; by default 256, and 2,000 for a classifier in 8 bits.
        force: Replace an exported model in ``out``.
        int8: Compute in 8 bits ("onnx" and "openvino" alone), with layers that stay in float32
            where the accuracy needs it. Calibrated on the training set.
        max_drop: How many points of top-1 or AP 8 bits may cost.

    Returns:
        What was written, with its report.

    Raises:
        UserError: A mistake in the config or the arguments, a runtime that is not installed, an
            operator that the format lacks, or a full disk.
        ExportError: The file does not compute what the model computes.
    """
    target = find_target(to)
    if int8:
        check_target(target, max_drop)
        tolerance = tolerance or int8_tolerance(max_drop)
    if number is not None and number < 1:
        raise UserValueError(f"--number must be at least 1, not {number}.")
    cfg = prepare(config, cfg_options)
    name = Path(cfg.filename).stem if cfg.filename else "model"
    out = Path(out or Path("exports") / f"{name}_{target.name}{'_int8' * int8}")
    check_out(out, force)
    task, origin = load_task(cfg, os.fspath(checkpoint))
    number = number or (NUMBER_INT8 if int8 and task.kind == "classifier" else NUMBER)
    samples = find_samples(cfg, task.preparation, images, number)
    with new_folder(out) as folder:
        start = time.perf_counter()
        with explain_operators(target):
            written = target.write(task.module, folder)
        if int8:
            own = samples if images else None
            ranges = calibration_images(cfg, task.preparation, CALIBRATED_ON[task.kind], own)
            written |= to_int8(task, target, folder, ranges, samples, max_drop)
        (folder / RUNNER).write_text(runner(task, target), encoding="utf-8")
        (folder / REPORT).write_text(json.dumps({"classes": task.classes}), encoding="utf-8")
        middle = time.perf_counter()
        parity = _verify(task, target, folder, samples, written["input_shape"], tolerance)
        seconds = {"write": middle - start, "verify": time.perf_counter() - middle}
        report = {
            **_describe(task, target, written),
            "model": {**origin, "cfg_options": dict(cfg_options or {})},
            "parity": parity,
            "seconds": {key: round(value, 1) for key, value in seconds.items()},
            "bytes": model_bytes(folder),
        }
        text = json.dumps(report, indent=1, ensure_ascii=False, default=str)
        (folder / REPORT).write_text(text, encoding="utf-8")
    return open_export(out)


def load_task(cfg: Config, checkpoint: str) -> tuple[Task, dict[str, Any]]:
    """Return the model of a checkpoint, ready to be exported, and where it is from."""
    check_exists(checkpoint)
    content = read(checkpoint)
    follow_checkpoint(cfg, content)
    model = load_model(cfg, content, "cpu")
    origin: dict[str, Any] = {
        "config": str(cfg.filename or ""),
        "checkpoint": checkpoint,
        "is_average": "ema_state_dict" in content,  # the model has the average then
    }
    if is_detector(cfg):
        from mmresnet.export.detectors.task import DetectorTask

        return DetectorTask(cfg, content, model), origin
    return ClassifierTask(cfg, content, model), origin


def _verify(
    task: Task,
    target: Target,
    folder: Path,
    samples: Samples,
    shape: list[int | None],
    tolerance: Tolerance | None,
) -> dict[str, Any]:
    """Return the report of a comparison.

    Raises:
        ExportError: It is out of the tolerance.
    """
    limits = tolerance or Tolerance()
    run = import_runner(folder)
    check_preparation(run.prepare, samples)
    parity: Parity = task.verify(run.load(), samples, shape, limits)
    if parity.problems:
        if limits.difference is None:
            layer = "Allow more with --max-drop, or leave --int8 out."
        else:
            some = samples.of_one_size()[: task.module.example[0]]
            images = some if parity.images is None else parity.images
            layer = first_difference(task.module, target, images)
        raise ExportError(
            f"What was written as {target.title} does not compute what the model computes: "
            f"{'; '.join(parity.problems)}. {layer} Nothing was kept."
        )
    return {"summary": parity.summary, **parity.report(limits)}


def _describe(task: Task, target: Target, written: dict[str, Any]) -> dict[str, Any]:
    shape = written.pop("input_shape")
    return {
        "format": FORMAT,
        "kind": task.kind,
        "target": target.name,
        "precision": "float32",
        "classes": task.classes,
        "input": {"name": "images", "shape": shape, "type": "uint8", "colours": "BGR"},
        "outputs": list(task.module.output_names),
        "preparation": task.preparation.steps,
        **task.notes,
        **written,
        "versions": {"mmresnet": mmresnet.__version__, **target.versions()},
    }
