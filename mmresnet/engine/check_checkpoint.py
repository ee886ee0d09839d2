"""A checkpoint that would fill only a part of a model is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmresnet.datasets.coco_checks import in_short
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from torch import nn

_CLASSIFIER_HEADS = ("head.", "fc.")
_DETECTOR_HEADS = ("bbox_head.", "roi_head.")


def read_checkpoint(path: str) -> dict:
    """Return the content of a checkpoint, with its tensors on the CPU.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    from mmengine.runner.checkpoint import CheckpointLoader

    try:
        return CheckpointLoader.load_checkpoint(path, map_location="cpu", logger="silent")
    except FileNotFoundError as error:
        raise UserError(f"There is no checkpoint at '{path}'.") from error


def trained_classes(checkpoint: dict) -> tuple[str, ...] | None:
    """Return the classes that a checkpoint of mmengine's or of mmcv 1 tells, if it does."""
    meta = checkpoint.get("meta")
    if not isinstance(meta, dict):
        return None
    told = meta.get("dataset_meta") or meta
    classes = told.get("classes") or told.get("CLASSES")
    return tuple(classes) if isinstance(classes, (tuple, list)) else None


def check_checkpoint(
    model: nn.Module, path: str, head_may_differ: bool, loaded: dict | None = None
) -> list[str]:
    """Refuse a checkpoint that would fill only a part of ``model``; return what to log.

    Args:
        head_may_differ: the heads may be others, or for other classes: they start anew.
        loaded: the content of the checkpoint, if it has been read already.

    Raises:
        UserError: with the number of tensors that do not fit.
    """
    from mmengine.model import is_model_wrapper

    from mmresnet.weights.fit import fit
    from mmresnet.weights.names.match import backbones, translate
    from mmresnet.weights.names.recognise import unwrap

    model = model.module if is_model_wrapper(model) else model
    loaded = read_checkpoint(path) if loaded is None else loaded
    given = unwrap(loaded)[0]
    filled = {}
    if backbones(model):
        filled = fit(model, loaded).state_dict
        given = translate(model, given)
    wanted = model.state_dict()
    is_detector = any(key.startswith(_DETECTOR_HEADS) for key in wanted)
    heads = _DETECTOR_HEADS if is_detector else _CLASSIFIER_HEADS

    missing = sorted(key for key in wanted if key not in given and key not in filled)
    unexpected = sorted(key for key in given if key not in wanted)
    shapes = sorted(
        key
        for key in wanted
        if key in given and wanted[key].shape != getattr(given[key], "shape", None)
    )
    of_heads = [key for key in (*missing, *shapes) if key.startswith(heads)]
    if head_may_differ:
        missing, unexpected, shapes = (
            [key for key in keys if not key.startswith(heads)]
            for keys in (missing, unexpected, shapes)
        )
    if not (missing or unexpected or shapes):
        return [_starts_anew(of_heads)] if of_heads else []
    if is_detector and not (missing or unexpected) and all(key.startswith(heads) for key in shapes):
        raise UserError(_other_classes(path, loaded, shapes[0], given, wanted))
    first = (shapes or missing or unexpected)[0]
    hint = "use the config that it was trained with."
    if is_detector and head_may_differ and not any(key.startswith(heads) for key in given):
        hint = (
            "weights of a backbone alone are given by "
            "model.backbone.init_cfg=dict(type='Pretrained', prefix='backbone.', checkpoint=…)."
        )
    raise UserError(
        f"The checkpoint '{path}' is of another architecture: {len(missing)} tensors are "
        f"missing, {len(unexpected)} unexpected, {len(shapes)} of another shape (the first: "
        f"{first}); {hint}"
    )


def _starts_anew(keys: list[str]) -> str:
    return (
        f"{len(keys)} tensors of the head are not in the checkpoint with this shape and start "
        f"anew (the first: {keys[0]})."
    )


def _other_classes(path: str, loaded: dict, key: str, given: dict, wanted: dict) -> str:
    classes = trained_classes(loaded)
    told = f", trained on {in_short(classes)}," if classes else ""
    return (
        f"The checkpoint '{path}'{told} is for another number of classes: its {key} has "
        f"{tuple(given[key].shape)} elements, and the model's {tuple(wanted[key].shape)}; use its "
        "own data, or the num_classes that it was trained with."
    )
