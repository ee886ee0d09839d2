"""Detection sets in COCO's format decide the classes of a run.

The classes are those that the config's ``metainfo`` names, else those of the training set's
annotation file. The other sets of the run take them over, and ``num_classes`` of the model follows
(:mod:`mmresnet.config.classes`), unless an option sets it: then it has to agree. When a checkpoint
is tested, its own classes come first, since its outputs are in their order.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmresnet.config.classes import class_parts, set_num_classes
from mmresnet.config.walk import parts, type_name
from mmresnet.datasets.coco import checks as coco_checks
from mmresnet.datasets.coco import file as coco_file
from mmresnet.datasets.shards.paths import local_file
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config


@dataclass
class CocoSet:
    """A data set of a config: where it stands there, and what it reads."""

    path: str
    part: dict[str, Any]
    ours: bool

    @property
    def ann_file(self) -> str:
        return local_file(self._joined(self.part.get("ann_file") or ""))

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
        CocoSet(path, part, ours=str(part["type"]).startswith("mmresnet"))
        for loader in loaders
        for path, part in parts((cfg.get(loader) or {}).get("dataset"), loader, "dataset")
        if type_name(part) == "CocoDataset" and not part.get("backend_args")
    ]


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
        check_there(one)
        if not one.ours:
            _check_mmdets(cfg, one)
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
        remedy = "All sets of a run need the same categories."
        if one.classes is None:
            coco_checks.check_classes(classes, source, known, one.ann_file, remedy)
        elif one.classes == classes:
            coco_checks.check_classes(classes, f"{one.path}.metainfo", known, one.ann_file)
        else:
            raise UserError(
                f"{one.path}.metainfo.classes names {coco_checks.quoted(one.classes)}, and "
                f"{source} {coco_checks.quoted(classes)}: all sets of a run need the same "
                "classes in the same order."
            )
        one.part["metainfo"] = {**(one.part.get("metainfo") or {}), "classes": classes}
    notes = _set_num_classes(cfg, len(classes), source, options or {})
    return notes + _follow_files(cfg, loaders, options or {})


def _set_num_classes(
    cfg: Config, number: int, source: str, options: Mapping[str, Any]
) -> list[str]:
    numbers = {path: part["num_classes"] for path, part in class_parts(cfg)}
    wrong = {path: old for path, old in numbers.items() if old != number}
    if not wrong:
        return []
    path, old = next(iter(wrong.items()))
    if any(key.rpartition(".")[2] == "num_classes" for key in options):
        raise UserError(
            f"{path}.num_classes is {old}, but {source} has {number} classes: leave num_classes "
            "out, then it follows the data."
        )
    set_num_classes(cfg, number)
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


def check_there(one: CocoSet) -> None:
    """Check that the annotation file of a set exists.

    Raises:
        UserError: it does not; or ``data_prefix`` is not a dict.
    """
    prefix = one.part.get("data_prefix") or {}
    if not isinstance(prefix, dict):
        raise UserError(
            f"{one.path}.data_prefix is {prefix!r}: give the folder of the images below data_root "
            f"as {one.path}.data_prefix.img."
        )
    if not os.path.isfile(one.ann_file):
        root = one.part.get("data_root") or ""
        where = "" if not root or os.path.isdir(root) else f" (nor a folder '{root}')"
        raise UserError(
            f"{one.path}: there is no annotation file '{one.ann_file}'{where}: set data_root to "
            f"where the data is, or ann_file and data_prefix.img of this set. COCO's layout is "
            f"{coco_file.LAYOUT}; docs/custom_detection.md says how to make such a file."
        )


def _check_mmdets(cfg: Config, one: CocoSet) -> None:
    """Refuse classes of which the file has none, or another number than the model's."""
    classes, given_by, remedy = one.classes, f"{one.path}.metainfo.classes", "Name those."
    if classes is None:
        from mmdet.datasets import CocoDataset

        classes = CocoDataset.METAINFO["classes"]
        given_by = f"{one.path} has no metainfo, so that mmdet's CocoDataset"
        remedy = "type='mmresnet.CocoDataset' takes the classes of the file."
    known = coco_file.read_classes(one.ann_file)
    if not set(classes) & set(known):
        coco_checks.check_classes(classes, given_by, known, one.ann_file, remedy)
    for path, part in class_parts(cfg) if one.classes else ():
        if part["num_classes"] != len(classes):
            raise UserError(
                f"{path}.num_classes is {part['num_classes']}, but {given_by} names "
                f"{coco_checks.quoted(classes)}: set num_classes={len(classes)} there."
            )


def _disagreement(
    cfg: Config,
    one: CocoSet,
    of_file: tuple[str, ...],
    checkpoint: str | None,
    trained_on: tuple[str, ...],
) -> str:
    given = f"its metainfo names {coco_checks.quoted(one.classes)}" if one.classes else ""
    numbers = [f"{path}.num_classes is {part['num_classes']}" for path, part in class_parts(cfg)]
    config = " and ".join(filter(None, [given, *numbers[:1]])) or "it names no classes"
    return (
        f"Classes do not agree. The config: {config}. The file '{one.ann_file}': "
        f"{coco_checks.quoted(of_file)}. The checkpoint '{checkpoint}': "
        f"{coco_checks.quoted(trained_on)}. Take the checkpoint's own data, or name its classes "
        "in their order in metainfo."
    )
