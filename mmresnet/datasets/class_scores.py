"""Files of class scores: what a classifier gives for each image of a set, and by which test."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmresnet.atomic import atomic_write
from mmresnet.datasets.coco.checks import quoted
from mmresnet.errors import UserError, UserFileNotFoundError

_KEYS = ("scores", "images", "classes", "test")


@dataclass
class ClassScores:
    """The scores of one test.

    Attributes:
        scores: (N, C) float32, averaged over the views of each image.
        images: N different texts: paths below the folder that all images have in common, or
            indices in the data set where the images have no files.
        classes: The C names of the classes; their numbers where the data set has no names.
        labels: (N,) int64; None where they are not known or where an image has several.
        test: What identifies the test: protocol, scales, config, options, the SHA-256 of the
            settings of model and data, precision, checkpoint and its SHA-256.
        folder: The folder that all images have in common; empty where they have no files.
    """

    scores: np.ndarray
    images: list[str]
    classes: list[str]
    labels: np.ndarray | None = None
    test: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""

    @property
    def paths(self) -> list[Path] | None:
        """The files of the images, None where they have none."""
        return [Path(self.folder, name) for name in self.images] if self.folder else None


def save(path: str | os.PathLike[str], found: ClassScores) -> None:
    """Write scores as an ``.npz`` file, complete or not at all.

    It has the arrays ``scores``, ``images``, ``classes``, ``labels`` if they are known, ``test``, a
    JSON text, and ``folder``, a text. ``numpy.load`` reads it without pickles.
    """
    arrays = {
        "scores": np.asarray(found.scores, np.float32),
        "images": np.array(found.images, np.str_),
        "classes": np.array(found.classes, np.str_),
        "test": np.array(_as_json(found.test)),
        "folder": np.array(found.folder, np.str_),
    }
    if found.labels is not None:
        arrays["labels"] = np.asarray(found.labels, np.int64)
    with atomic_write(path, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load(path: str | os.PathLike[str]) -> ClassScores:
    """Read the scores that :func:`save` wrote.

    Raises:
        UserError: There is no such file, it is another one, or its arrays do not fit each other.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file.items())
        return _checked(arrays)
    except FileNotFoundError as error:
        raise UserFileNotFoundError(
            f"There is no file of class scores '{path}': mmresnet test writes it with --scores."
        ) from error
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"'{path}' is no file of class scores as mmresnet test --scores writes it: {error}."
        ) from error


def _checked(arrays: Mapping[str, np.ndarray]) -> ClassScores:
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise ValueError(f"it has no '{missing[0]}'")
    scores, labels = arrays["scores"], arrays.get("labels")
    images, classes = ([str(one) for one in arrays[key]] for key in ("images", "classes"))
    if scores.shape != (len(images), len(classes)):
        raise ValueError(
            f"{len(images)} images and {len(classes)} classes have scores of the shape "
            f"{scores.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("some scores are infinite or NaN")
    if len(set(images)) < len(images):
        raise ValueError("it has an image twice")
    if labels is not None and labels.shape != (len(images),):
        raise ValueError(f"{len(images)} images have labels of the shape {labels.shape}")
    if labels is not None and not ((labels >= 0) & (labels < len(classes))).all():
        raise ValueError(f"some labels are none of 0 to {len(classes) - 1}")
    test, folder = json.loads(str(arrays["test"])), str(arrays.get("folder", ""))
    return ClassScores(scores, images, classes, labels, test, folder)


def check_place(path: str | os.PathLike[str], option: str = "--scores") -> None:
    """Check the name of a file to write scores to, which was given by ``option``.

    Raises:
        UserError: It does not end in .npz, or its folder does not exist.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise UserError(f"{option}: '{path}' must end in .npz, the format that is written.")
    if not path.parent.is_dir():
        raise UserError(f"{option}: there is no folder '{path.parent}': make it first.")


def check_free(
    path: str | os.PathLike[str], test: Mapping[str, Any], option: str = "--scores"
) -> None:
    """Refuse to write the scores of a test over those of another one.

    Raises:
        UserError: As :func:`check_place`, or ``path`` has other scores or another content.
    """
    check_place(path, option)
    if not Path(path).exists():
        return
    try:
        before = load(path).test
    except UserError as error:
        raise UserError(f"{option}: {error} Name another file, it would be overwritten.") from error
    now = json.loads(_as_json(test))
    for key in [*now, *before]:
        if before.get(key) != now.get(key):
            raise UserError(
                f"{option}: '{path}' has the scores of another test, with {key} "
                f"{_text(before.get(key))} instead of {_text(now.get(key))}: name another file, or "
                "delete this one."
            )


def best_classes(
    path: str | os.PathLike[str], images: Sequence[str], classes: Sequence[str], topk: int
) -> np.ndarray:
    """Return the classes with the highest scores, int64 (images, ``topk``), the best first.

    Args:
        path: A file that :func:`save` wrote. It may hold further images.
        images: Names without folder and ending, by which images are recognized.
        classes: The names that the result counts by, which have to be the file's.

    Raises:
        UserError: As :func:`load`, or the file lacks an image or has other classes.
    """
    found = load(path)
    if found.classes != list(classes):
        difference = next(
            (
                f"class {i} is '{a}' in the file and '{b}' in the data set"
                for i, (a, b) in enumerate(zip(found.classes, classes, strict=False))
                if a != b
            ),
            f"it has {len(found.classes)} classes, and the data set {len(classes)}",
        )
        raise UserError(
            f"The scores in '{path}' are of other classes, or in another order: {difference}. "
            "Write them again with the classifier's config for these classes."
        )
    if topk > len(found.classes):
        raise UserError(f"topk={topk} exceeds the {len(found.classes)} classes in '{path}'.")
    rows = {Path(name).stem: row for row, name in enumerate(found.images)}
    if len(rows) < len(found.images):
        raise UserError(f"'{path}' has two images of the same name in different folders.")
    missing = [name for name in images if name not in rows]
    if missing:
        raise UserError(
            f"'{path}' has no scores for {len(missing):,} of {len(images):,} images (the first: "
            f"{missing[0]}); it has those of {quoted(list(rows))}. Write them with a test on the "
            "same images."
        )
    chosen = found.scores[[rows[name] for name in images]]
    return np.argsort(-chosen, axis=1, kind="stable")[:, :topk]


def names_below(paths: Sequence[str]) -> list[str]:
    """Return paths relative to the folder that they have in common, with slashes."""
    parts = [path.replace("\\", "/").split("/") for path in paths]
    common = 0
    for folders in zip(*(one[:-1] for one in parts), strict=False):
        if len(set(folders)) > 1:
            break
        common += 1
    return ["/".join(one[common:]) for one in parts]


def _as_json(test: Mapping[str, Any]) -> str:
    return json.dumps(test, sort_keys=True, default=str)


def _text(value: Any) -> str:
    return "none" if value in (None, "", {}, []) else f"'{value}'"
