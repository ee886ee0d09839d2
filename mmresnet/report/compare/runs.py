"""The runs to compare: their names, and predictions of the same images that all of them have."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mmresnet.datasets.class_scores import ClassScores
from mmresnet.errors import UserError
from mmresnet.evaluation.detection.detection_file import Detections
from mmresnet.evaluation.ensembles import align
from mmresnet.report.run import SPLITS, Run

_Found = TypeVar("_Found", ClassScores, Detections)


@dataclass(frozen=True)
class Runs:
    """Several runs.

    Attributes:
        names: Different ones: those of the folders, or their paths.
        split: "test" or "val", of which the predictions are; None where not all runs have any.
        scores: Of classifiers, with the images in the same order; else empty.
        detections: Of detectors, with the images in the same order; else empty.
    """

    runs: list[Run]
    names: list[str]
    split: str | None = None
    scores: Sequence[ClassScores] = ()
    detections: Sequence[Detections] = ()


def read_runs(folders: Sequence[str | os.PathLike[str]], split: str | None = None) -> Runs:
    """Read the runs in these folders.

    Args:
        folders: At least two.
        split: "test" or "val"; None takes the first of these that all runs have predictions of.

    Raises:
        UserError: A folder is not a run's, or given twice; a classifier would be compared with a
            detector; they saw other images, other classes or other labels.
    """
    runs = [Run(folder) for folder in folders]
    names = _names(runs)
    splits = (split,) if split else SPLITS
    scores = {one: [run.classification(one) for run in runs] for one in splits}
    detections = {one: [run.detection(one) for run in runs] for one in splits}
    _check_kinds(names, scores, detections)
    for one in splits:
        if complete := _complete(scores[one]):
            aligned = align(dict(zip(names, complete, strict=True)))
            return Runs(runs, names, one, scores=aligned)
        if boxes := _complete(detections[one]):
            return Runs(runs, names, one, detections=_aligned(names, boxes))
    return Runs(runs, names)


def _names(runs: Sequence[Run]) -> list[str]:
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder) for run in runs]
    resolved = [run.folder.resolve() for run in runs]
    if len(runs) < 2 or len(set(resolved)) < len(runs):
        raise UserError(
            f"Given: {', '.join(map(str, names))}. A comparison is of two or more different runs."
        )
    return names


def _complete(found: Sequence[_Found | None]) -> list[_Found]:
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else []


def _check_kinds(
    names: Sequence[str], scores: dict[str, list[Any]], detections: dict[str, list[Any]]
) -> None:
    def first(found: dict[str, list[Any]]) -> str | None:
        return next(
            (names[i] for one in found.values() for i, part in enumerate(one) if part is not None),
            None,
        )

    classifier, detector = first(scores), first(detections)
    if classifier and detector:
        raise UserError(
            f"'{classifier}' is a classifier and '{detector}' a detector: compare runs of the same "
            "task."
        )


def _aligned(names: Sequence[str], found: Sequence[Detections]) -> list[Detections]:
    """Return the detections by the ids of the first run's images and categories.

    Raises:
        UserError: The runs have other images, other classes or other true boxes.
    """
    first, made = found[0], [found[0]]
    for name, one in zip(names[1:], found[1:], strict=True):
        pair = f"'{names[0]}' and '{name}'"
        _check_same(pair, "classes", first.categories, one.categories, lambda c: str(c["name"]))
        _check_same(pair, "images", first.images, one.images, _file_name)
        images = _ids(one.images, first.images, _file_name)
        kinds = _ids(one.categories, first.categories, lambda c: str(c["name"]))
        _check_boxes(pair, first, one, images, kinds)
        detections = [
            {
                **box,
                "image_id": images[box["image_id"]],
                "category_id": kinds[box["category_id"]],
            }
            for box in one.detections
        ]
        made.append(
            Detections(first.images, first.categories, first.annotations, detections, one.test)
        )
    return made


def _file_name(image: dict[str, Any]) -> str:
    return str(image["file_name"])


def _check_same(
    pair: str,
    what: str,
    first: Sequence[dict[str, Any]],
    other: Sequence[dict[str, Any]],
    key: Callable[[dict[str, Any]], str],
) -> None:
    here, there = {key(one) for one in first}, {key(one) for one in other}
    if here != there:
        only = sorted(here - there) or sorted(there - here)
        raise UserError(
            f"{pair} were tested on other {what}: {len(here):,} and {len(there):,}, and "
            f"'{only[0]}' is not in both. Test them with the same data set."
        )


def _ids(
    other: Sequence[dict[str, Any]],
    first: Sequence[dict[str, Any]],
    key: Callable[[dict[str, Any]], str],
) -> dict[Any, Any]:
    """Return the first run's id for each id of the other one's."""
    wanted = {key(one): one["id"] for one in first}
    return {one["id"]: wanted[key(one)] for one in other}


def _check_boxes(
    pair: str, first: Detections, other: Detections, images: dict[Any, Any], kinds: dict[Any, Any]
) -> None:
    def boxes(of: Detections, image: dict[Any, Any], kind: dict[Any, Any]) -> Counter[Any]:
        return Counter(
            (
                image.get(one["image_id"], one["image_id"]),
                kind.get(one["category_id"], one["category_id"]),
                *(round(float(side), 1) for side in one["bbox"]),
            )
            for one in of.annotations
        )

    here, there = boxes(first, {}, {}), boxes(other, images, kinds)
    for image, *_ in (here - there) + (there - here):
        name = next(one["file_name"] for one in first.images if one["id"] == image)
        raise UserError(
            f"{pair} were tested against other true boxes, {here.total():,} and {there.total():,} "
            f"(a difference is in '{name}'): test them with the same annotations."
        )
