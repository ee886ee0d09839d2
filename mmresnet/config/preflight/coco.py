"""Detection sets in COCO's format: their classes decide the model's, and mistakes are told early.

The rule: the classes are those that the config's ``metainfo`` names, else those of the training
set's annotation file. The other sets of the run take them over, and ``num_classes`` of the box
and mask heads follows, unless an option sets it: then it has to agree. When a checkpoint is
tested, its own classes come first, since its outputs are in their order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmresnet.datasets import coco_checks, coco_file
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

_HEADS = ("bbox_head", "mask_head", "mask_iou_head", "point_head")


@dataclass
class CocoSet:
    """A data set of a config: where it stands there, and what it reads."""

    path: str
    part: dict
    ours: bool

    @property
    def ann_file(self) -> str:
        return self._joined(self.part.get("ann_file") or "")

    @property
    def folder(self) -> str:
        return self._joined((self.part.get("data_prefix") or {}).get("img", ""))

    @property
    def classes(self) -> tuple[str, ...] | None:
        classes = (self.part.get("metainfo") or {}).get("classes")
        return None if classes is None else coco_checks.class_names(classes)

    def _joined(self, name: str) -> str:
        return os.path.join(self.part.get("data_root") or "", name)


def coco_sets(cfg: Config, loaders: tuple[str, ...]) -> list[CocoSet]:
    """Return the sets of type ``CocoDataset``, mmresnet's and mmdet's, also from inside others."""
    return [
        found
        for loader in loaders
        for found in _sets((cfg.get(loader) or {}).get("dataset"), f"{loader}.dataset")
        if not found.part.get("backend_args")
    ]


def _sets(part: Any, path: str) -> Iterator[CocoSet]:
    if not isinstance(part, dict):
        return
    scope, _, name = str(part.get("type", "")).rpartition(".")
    if name == "CocoDataset":
        yield CocoSet(path, part, ours=scope.startswith("mmresnet"))
    yield from _sets(part.get("dataset"), f"{path}.dataset")
    for index, inner in enumerate(part.get("datasets") or ()):
        yield from _sets(inner, f"{path}.datasets.{index}")


def follow_data(
    cfg: Config,
    loaders: tuple[str, ...],
    options: Mapping[str, Any] | None = None,
    trained_on: tuple[str, ...] | None = None,
    checkpoint: str | None = None,
) -> list[str]:
    """Set classes, ``num_classes`` and the evaluators' files in ``cfg``; return what to log.

    Args:
        options: those that the user gave, which have the last word.
        trained_on: the classes of the checkpoint to test or to go on from, if it tells them.
        checkpoint: its path.

    Raises:
        UserError: a file is missing or no COCO file, or the classes of the config, of a file and
            of the checkpoint do not agree.
    """
    sets = coco_sets(cfg, loaders)
    for one in sets:
        _check_there(one)
        if not one.ours:
            _check_mmdets(one)
    ours = [one for one in sets if one.ours]
    if not ours:
        return []
    of_file = coco_file.read_classes(ours[0].ann_file)
    classes, source = ours[0].classes, f"{ours[0].path}.metainfo.classes"
    if classes is None:
        classes, source = of_file, f"'{ours[0].ann_file}'"
        if trained_on is not None and sorted(trained_on) == sorted(of_file):
            classes = trained_on  # the order of the model's outputs
    if trained_on is not None and trained_on != classes:
        raise UserError(_disagreement(cfg, ours[0], of_file, checkpoint, trained_on))
    for one in ours:
        known = coco_file.read_classes(one.ann_file)
        way_out = "All sets of a run need the same categories."
        if one.classes is None:
            coco_checks.check_classes(classes, source, known, one.ann_file, way_out)
        elif one.classes == classes:
            coco_checks.check_classes(classes, f"{one.path}.metainfo", known, one.ann_file)
        else:
            raise UserError(
                f"{one.path}.metainfo.classes names {coco_checks.in_short(one.classes)}, and "
                f"{source} {coco_checks.in_short(classes)}: all sets of a run need the same "
                "classes in the same order."
            )
        one.part["metainfo"] = {**(one.part.get("metainfo") or {}), "classes": classes}
    notes = _set_num_classes(cfg, len(classes), source, options or {})
    return notes + _follow_files(cfg, loaders, options or {})


def class_heads(model: Any, path: str = "model") -> Iterator[tuple[str, dict]]:
    """Yield the parts of a model's config whose ``num_classes`` is the number of classes."""
    if isinstance(model, (list, tuple)):
        for index, part in enumerate(model):
            yield from class_heads(part, f"{path}.{index}")
    elif isinstance(model, dict):
        names = [name for name in path.split(".") if not name.isdigit()]
        if names[-1] in _HEADS and "num_classes" in model:
            yield path, model
        for name, part in model.items():
            yield from class_heads(part, f"{path}.{name}")


def _set_num_classes(
    cfg: Config, number: int, source: str, options: Mapping[str, Any]
) -> list[str]:
    heads = list(class_heads(cfg.model))
    wrong = {path: part["num_classes"] for path, part in heads if part["num_classes"] != number}
    if not wrong:
        return []
    path, old = next(iter(wrong.items()))
    if any(key.rpartition(".")[2] == "num_classes" for key in options):
        raise UserError(
            f"{path}.num_classes is {old}, but {source} has {number} classes: leave num_classes "
            "out, then it follows the data."
        )
    for _, part in heads:
        part["num_classes"] = number
    if cfg.get("num_classes") in wrong.values():
        cfg.num_classes = number
    return [f"num_classes {old} -> {number}: it follows the classes of {source}."]


def _follow_files(cfg: Config, loaders: tuple[str, ...], options: Mapping[str, Any]) -> list[str]:
    """Let each evaluator read the annotation file of its data set, unless an option gives one."""
    notes = []
    for loader in loaders:
        name = loader.replace("dataloader", "evaluator")
        sets = coco_sets(cfg, (loader,))
        evaluators = cfg.get(name) or []
        evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
        if len(sets) != 1 or any(key.startswith(f"{name}.") for key in options):
            continue
        for part in evaluators:
            old, new = part.get("ann_file"), sets[0].ann_file
            if part.get("type") == "mmresnet.CocoMetric" and old != new:
                part["ann_file"] = new
                if old and os.path.normpath(old) != os.path.normpath(new):
                    notes.append(f"{name} reads '{new}', the file of its data set.")
    return notes


def _check_there(one: CocoSet) -> None:
    if not os.path.isfile(one.ann_file):
        root = one.part.get("data_root") or ""
        where = "" if not root or os.path.isdir(root) else f" (nor a folder '{root}')"
        raise UserError(
            f"{one.path}: there is no annotation file '{one.ann_file}'{where}: set data_root to "
            f"where the data is, or ann_file and data_prefix.img of this set. COCO's layout is "
            f"{coco_file.LAYOUT}; docs/custom_detection.md says how to make such a file."
        )


def _check_mmdets(one: CocoSet) -> None:
    """Refuse classes of which the file has none; mmdet's class asks no more."""
    classes, given_by, way_out = one.classes, f"{one.path}.metainfo.classes", "Name those."
    if classes is None:
        from mmdet.datasets import CocoDataset

        classes = CocoDataset.METAINFO["classes"]
        given_by = f"{one.path} has no metainfo, so that mmdet's CocoDataset"
        way_out = "type='mmresnet.CocoDataset' takes the classes of the file."
    known = coco_file.read_classes(one.ann_file)
    if not set(classes) & set(known):
        coco_checks.check_classes(classes, given_by, known, one.ann_file, way_out)


def _disagreement(
    cfg: Config,
    one: CocoSet,
    of_file: tuple[str, ...],
    checkpoint: str | None,
    trained_on: tuple[str, ...],
) -> str:
    heads = list(class_heads(cfg.model))
    given = f"its metainfo names {coco_checks.in_short(one.classes)}" if one.classes else ""
    stated = [f"{path}.num_classes is {part['num_classes']}" for path, part in heads[:1]]
    config = " and ".join(filter(None, [given, *stated])) or "it names no classes"
    return (
        f"Classes do not agree. The config: {config}. The file '{one.ann_file}': "
        f"{coco_checks.in_short(of_file)}. The checkpoint '{checkpoint}': "
        f"{coco_checks.in_short(trained_on)}. Take the checkpoint's own data, or name its classes "
        "in their order in metainfo."
    )
