"""Fitting the temperature of a classifier, and storing it with the weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresnet.datasets import class_scores
from mmresnet.errors import UserError
from mmresnet.evaluation.diagnosis.calibration import reliability
from mmresnet.evaluation.diagnosis.temperature import cross_fitted, fit, losses
from mmresnet.weights.hub.download import digest
from mmresnet.weights.temperature import check_target, store_temperature

if TYPE_CHECKING:
    from mmengine.config import Config


@dataclass(frozen=True)
class Quality:
    """How far scores can be trusted.

    Attributes:
        ece: Expected calibration error, from 0 to 1.
        cross_entropy: In nats.
        confidence: The mean of the best scores, which should be the accuracy.
    """

    ece: float
    cross_entropy: float
    confidence: float


@dataclass(frozen=True)
class Calibration:
    """What :func:`calibrate` has found and written.

    Attributes:
        temperature: What the logits are divided by.
        images: How many it was fitted on.
        accuracy: Of these images, from 0 to 1; the same before and after.
        before: Of the scores as the net gives them.
        after: Of each fifth of the images with the temperature of the others.
        file: The weights that have the temperature.
    """

    temperature: float
    images: int
    accuracy: float
    before: Quality
    after: Quality
    file: Path


def calibrate(
    config: str | os.PathLike[str] | Config,
    checkpoint: str,
    out: str | os.PathLike[str] | None = None,
    scores: str | os.PathLike[str] | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    device: str = "auto",
) -> Calibration:
    """Fit a temperature on the validation set, and store it with the weights.

    ``Inferencer`` and exports then give calibrated scores. No prediction changes. Tests, and the
    scores that they write, stay as the net gives them.

    Args:
        out: Where the weights go with the temperature; by default they replace ``checkpoint``.
        scores: Class scores of images that the net was not trained on, as ``mmresnet test
            --scores`` writes them, instead of the validation set.

    Raises:
        UserError: A mistake in the config, data or checkpoint; the model is no classifier for one
            class per image; no temperature fits.
    """
    from mmresnet.config.preflight.initial_weights import check_exists
    from mmresnet.weights.checkpoint import SCHEMES

    check_exists(checkpoint)
    target = check_target(checkpoint, out)
    if scores is None:
        values, labels = _of_validation_set(config, checkpoint, cfg_options, device)
    else:
        values, labels = _of_file(scores, checkpoint)
    temperature = fit(values, labels)
    after = cross_fitted(values, labels)
    source = checkpoint
    if checkpoint.startswith(SCHEMES):
        from mmresnet.weights.hub.download import fetch

        source = str(fetch(checkpoint))
    store_temperature(source, target, temperature)
    return Calibration(
        temperature,
        len(labels),
        float((values.argmax(axis=1) == labels).mean()),
        _quality(values, labels),
        _quality(after, labels),
        target,
    )


def _quality(scores: np.ndarray, labels: np.ndarray) -> Quality:
    return Quality(
        reliability(scores, labels).ece,
        float(losses(scores, labels).mean()),
        float(scores.max(axis=1).mean()),
    )


def _of_file(path: str | os.PathLike[str], checkpoint: str) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and labels of a file that fits the checkpoint.

    Raises:
        UserError: It is of another test.
    """
    found = class_scores.load(path)
    if found.labels is None:
        raise UserError(f"'{path}' has no labels to fit a temperature to: test on a set with some.")
    protocol = found.test.get("protocol", "recipe")
    if protocol != "recipe":
        raise UserError(
            f"'{path}' has the scores of the protocol {protocol}, an average over views, which "
            "needs another temperature: write them without --protocol."
        )
    expected = found.test.get("sha256")
    is_file = Path(checkpoint).is_file()
    if expected and is_file and digest(Path(checkpoint)) != expected:
        raise UserError(
            f"'{path}' has the scores of another checkpoint, '{found.test.get('checkpoint')}': "
            f"test '{checkpoint}' again, or leave --scores out."
        )
    return found.scores, found.labels


def _of_validation_set(
    config: str | os.PathLike[str] | Config,
    checkpoint: str,
    cfg_options: Mapping[str, Any] | None,
    device: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the scores of the validation set, (N, C) float32, and its labels, (N,)."""
    import torch
    from mmengine.runner import Runner

    from mmresnet.config.classes import follow_checkpoint
    from mmresnet.config.preflight.image_folders import check_image_folders
    from mmresnet.engine.assembly import building, choose_device, load_model, prepare_run
    from mmresnet.engine.protocols import check_classifier
    from mmresnet.inference.progress_bar import progress_bar
    from mmresnet.weights.checkpoint import read

    cfg = prepare_run(config, cfg_options=cfg_options, device=choose_device(device))
    check_classifier(cfg, "mmresnet calibrate")
    if not cfg.get("val_dataloader"):
        raise UserError("The config has no validation set: give --scores of a test with labels.")
    content = read(checkpoint)
    follow_checkpoint(cfg, content)
    check_image_folders(cfg, ("val_dataloader",))
    model: Any = load_model(cfg, content, device)
    with building(cfg):
        loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    scores, labels = [], []
    with progress_bar("images", len(loader.dataset), transient=True) as advance:
        for batch in loader:
            with torch.inference_mode():
                samples = model.test_step(batch)
            scores += [sample.pred_score.float().cpu().numpy() for sample in samples]
            labels += [_label(sample) for sample in samples]
            if advance is not None:
                advance(len(samples))
    return np.stack(scores), np.array(labels)


def _label(sample: Any) -> int:
    label = sample.get("gt_label")
    if label is None or label.numel() != 1:
        raise UserError(
            "A temperature needs one label for each image, and the validation set has images with "
            "none or several."
        )
    return int(label)
