"""Weights and activations in 8 bits, for CPUs with VNNI or AMX: by NNCF, after training."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mmresnet.errors import ExportError, MissingPackageError, UserError
from mmresnet.export.parity import Tolerance
from mmresnet.export.quantization.accuracy import RANKED_ON, Accuracy
from mmresnet.export.quantization.speed import images_per_second
from mmresnet.export.samples import Samples
from mmresnet.export.targets import Target
from mmresnet.export.task import Predict, Task

TARGETS = ("openvino", "onnx")
MAX_DROP = 0.5
"""Points of top-1 or AP that 8 bits may cost."""
_AGREEMENT = 0.9


def tolerance(max_drop: float) -> Tolerance:
    """Return how far a model in 8 bits may be from its model: its scores are not compared."""
    return Tolerance(difference=None, agreement=_AGREEMENT, accuracy=max_drop)


def check_target(target: Target, max_drop: float) -> None:
    """Check that a format can have 8 bits, and that they can be made here.

    Raises:
        UserError: It cannot, or ``max_drop`` is negative.
        MissingPackageError: NNCF is not installed.
    """
    if target.name not in TARGETS:
        raise UserError(
            f"--int8 goes with --to {' or --to '.join(TARGETS)}, not with --to {target.name}; "
            "openvino is the fastest."
        )
    if not max_drop >= 0:
        raise UserError(f"--max-drop must be 0 or more points, not {max_drop}.")
    if importlib.util.find_spec("nncf") is None:
        raise MissingPackageError(
            "--int8 needs nncf, which is not installed: pip install nncf, or 'mmresnet[export]'."
        )


def to_int8(
    task: Task,
    target: Target,
    folder: Path,
    calibration: Samples,
    samples: Samples,
    max_drop: float = MAX_DROP,
) -> dict[str, Any]:
    """Replace the model in a folder by one in 8 bits, and return what the report says of it.

    Weights have a scale per output channel, activations one per tensor. Where the truth of the
    samples is known, the layers that cost most are returned to float32, one after another, until
    the model is at most ``max_drop`` points worse.

    Args:
        calibration: Images from which the ranges of activations are taken.
        samples: Images on which the accuracy is measured.

    Raises:
        ExportError: No layer can be in 8 bits.
    """
    models = _models(target)
    model = models.read(folder)
    speeds = {"float32": target.load(folder), **models.other_precisions(model)}
    quantized = _quantize(model, models, task, calibration, samples, speeds["float32"], max_drop)
    layers = _layers(models.layers(quantized), models.weights(model))
    if layers["int8"] == 0:
        raise ExportError(
            f"8 bits cost more than {max_drop} points in every layer: allow more with --max-drop, "
            "or leave --int8 out. Nothing was kept."
        )
    with tempfile.TemporaryDirectory(dir=folder) as aside:  # the runtime maps the files in use
        models.write(quantized, Path(aside))
        for path in Path(aside).iterdir():
            path.replace(folder / path.name)
    speeds["int8"] = target.load(folder)
    images = _batch(samples.images[0], models.batch_of(model))
    found = {
        "calibration": calibration.source,
        "layers": layers,
        "batch": len(images),
        "images_per_second": images_per_second(speeds, images),
        "nncf": importlib.metadata.version("nncf"),
    }
    return {"precision": "int8", "int8": found}


def _quantize(
    model: Any,
    models: ModuleType,
    task: Task,
    calibration: Samples,
    samples: Samples,
    predict: Predict,
    max_drop: float,
) -> Any:
    import nncf

    nncf.set_log_level(logging.ERROR)
    settings = {
        "subset_size": len(calibration.images),
        "preset": nncf.QuantizationPreset.MIXED,
        # the exact one gave ResNet-20 0.5 points of top-1; a detector has the quicker one
        "fast_bias_correction": task.kind == "detector",
        "ignored_scope": nncf.IgnoredScope(names=models.beside_the_maps(model), validate=False),
        "target_device": nncf.TargetDevice.CPU,
    }
    ranges = nncf.Dataset(calibration.images, models.item)
    accuracy = Accuracy(task, models, samples, len(models.layers(model)), max_drop)
    print(f"int8: ranges of activations on {calibration.source}", file=sys.stderr, flush=True)
    if accuracy.measure(predict, [0]) is None:
        return nncf.quantize(model, ranges, **settings)
    order = np.random.default_rng(0).permutation(len(samples.images)).tolist()
    return nncf.quantize_with_accuracy_control(
        *(model, ranges, nncf.Dataset(order), accuracy),
        max_drop=max_drop,
        advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
            ranking_subset_size=RANKED_ON[task.kind]
        ),
        **settings,
    )


def _layers(in_8_bits: Mapping[str, bool], weights: Mapping[str, str]) -> dict[str, Any]:
    """Return how many layers there are, in 8 bits and in all, and which are in float32.

    Args:
        weights: What the weights of each are called, by the name of the layer in the graph.
    """
    rest = [weights[name] for name, yes in in_8_bits.items() if not yes]
    names = {name.removeprefix("model.").removesuffix(".weight") for name in rest}
    number = len(in_8_bits)
    return {"int8": number - len(rest), "all": number, "float32": sorted(names)}


def _batch(image: np.ndarray, number: int) -> np.ndarray:
    return np.tile(image, (number, 1, 1, 1))


def _models(target: Target) -> ModuleType:
    return importlib.import_module(f"mmresnet.export.quantization.{target.name}")
