"""The file that ILSVRC's test server takes for classification."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from mmresnet.atomic import atomic_write
from mmresnet.errors import UserError, UserFileNotFoundError

_WORDNET_ID = re.compile(r"n\d{8}")


def read_devkit_labels(path: str | os.PathLike[str]) -> dict[str, int]:
    """Return the devkit's number of each WordNet id.

    Args:
        path: A text with a class on each line, its WordNet id and its number in any order, as
            ``map_clsloc.txt`` of the devkit has it (``n02119789 1 kit_fox``).

    Raises:
        UserError: There is no such file, a line is of another form, or the numbers are not 1, 2, ….
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise UserFileNotFoundError(f"--devkit-labels: there is no file '{path}'.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--devkit-labels: '{path}' cannot be read as a text: {error}.") from error
    numbers: dict[str, int] = {}
    for row, line in enumerate(lines, start=1):
        words = line.split()[:2]
        ids = [word for word in words if _WORDNET_ID.fullmatch(word)]
        counts = [int(word) for word in words if word.isdecimal()]
        if not words:
            continue
        if len(ids) != 1 or len(counts) != 1 or ids[0] in numbers:
            raise UserError(
                f"--devkit-labels: line {row} of '{path}', '{line.strip()}', must begin with the "
                "WordNet id and the number of another class, such as 'n02119789 1'."
            )
        numbers[ids[0]] = counts[0]
    if not numbers or sorted(numbers.values()) != list(range(1, len(numbers) + 1)):
        raise UserError(
            f"--devkit-labels: the {len(numbers):,} classes of '{path}' must be numbered from 1 "
            "on, each with a number of its own."
        )
    return numbers


def numbers_of(classes: Sequence[str], numbers: Mapping[str, int]) -> np.ndarray:
    """Return the devkit's number of each class, (C,).

    Classes that are not named by WordNet ids, as those of mmpretrain's ``ImageNet``, are taken in
    the order of sorted ids, which is that of folders and of mmpretrain's lists.

    Raises:
        UserError: The classes are not the devkit's.
    """
    if len(classes) != len(numbers):
        raise UserError(
            f"--devkit-labels has {len(numbers):,} classes, and the scores are for "
            f"{len(classes):,}."
        )
    ids = list(classes)
    if not any(_WORDNET_ID.fullmatch(name) for name in ids):
        ids = sorted(numbers)
    unknown = [name for name in ids if name not in numbers]
    if unknown:
        raise UserError(
            f"--devkit-labels lacks the class '{unknown[0]}', and {len(unknown) - 1:,} others of "
            "the scores: give the file of the devkit for these classes."
        )
    return np.array([numbers[name] for name in ids])


def write_submission(
    path: str | os.PathLike[str],
    scores: np.ndarray,
    images: Sequence[str],
    numbers: np.ndarray,
) -> None:
    """Write a line for each image, in the order of their names: the five best classes' numbers.

    Args:
        scores: (N, C).
        images: N paths; the server's order is that of the files' names.
        numbers: (C,), as :func:`numbers_of` returns them.

    Raises:
        UserError: There are fewer than five classes, or two images of the same name.
    """
    if scores.shape[1] < 5:
        raise UserError(
            f"--submission needs the five best classes of each image, and there are "
            f"{scores.shape[1]}."
        )
    names = [PurePosixPath(image).name for image in images]
    if len(set(names)) < len(names):
        raise UserError("--submission: several images have the same file name, which orders them.")
    best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    with atomic_write(path) as file:
        for row in np.argsort(np.array(names)):
            file.write(" ".join(map(str, numbers[best[row]])) + "\n")
