"""A test that writes its class scores: what identifies it, and the metric that writes them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.walk import type_name
from mmresnet.datasets import class_scores
from mmresnet.engine.protocols import check_classifier, test_set
from mmresnet.errors import UserError
from mmresnet.weights.checkpoint import SCHEMES
from mmresnet.weights.hub import download

if TYPE_CHECKING:
    from mmengine.config import Config


def describe_test(
    cfg: Config,
    checkpoint: str,
    protocol: str,
    scales: Sequence[int],
    cfg_options: Mapping[str, Any] | None,
    precision: str,
) -> dict[str, Any]:
    """Return what identifies a test, for :class:`mmresnet.datasets.class_scores.ClassScores`.

    Args:
        cfg: The config as it is tested, with its protocol.
        checkpoint: A file, or a name or an address that has been read.
    """
    is_file = not checkpoint.startswith(SCHEMES)
    path = Path(checkpoint).expanduser() if is_file else download.local_file(checkpoint)
    settings = json.dumps(
        [cfg.get("model"), (cfg.get("test_dataloader") or {}).get("dataset")],
        sort_keys=True,
        default=str,
    )
    return {
        "protocol": protocol,
        "scales": list(scales),
        "config": Path(cfg.filename).stem if cfg.filename else "",
        "cfg_options": dict(cfg_options or {}),
        "settings_sha256": hashlib.sha256(settings.encode()).hexdigest(),
        "precision": precision,
        "checkpoint": Path(checkpoint).name if is_file else checkpoint,
        "sha256": download.digest(path) if path else "",
    }


def write_scores(cfg: Config, path: str | os.PathLike[str], test: Mapping[str, Any]) -> None:
    """Let a test of ``cfg`` write its class scores.

    Raises:
        UserError: The model is a detector, the file has the scores of another test, or there are
            metrics of labels and no labels.
    """
    check_classifier(cfg, "--scores")
    class_scores.check_free(path, test)
    metrics = cfg.get("test_evaluator") or []
    metrics = metrics if isinstance(metrics, list | tuple) else [metrics]
    if metrics and test_set(cfg).get("with_label") is False:
        raise UserError(
            f"test_evaluator: {type_name(metrics[0])} needs labels, and the test set has "
            'with_label=False: leave metrics out, --cfg-options "test_evaluator=[]".'
        )
    own = {"type": "mmresnet.DumpScores", "out_file": os.fspath(path), "test": dict(test)}
    cfg.test_evaluator = [*metrics, own]
