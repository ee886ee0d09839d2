"""Proposals for the classes of each image, written image by image, and mapped where they are used.

A folder with ``proposals.json``, which says of what they are, and arrays in NumPy's format:
``boxes.npy``, float32 (images, K, n, 4), ``scores.npy``, float32 (images, K, n), ``classes.npy``,
int64 (images, K), and ``done.npy``, bool (images,).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from mmresnet.atomic import atomic_folder
from mmresnet.datasets.coco.checks import quoted
from mmresnet.errors import UserError, UserFileNotFoundError

_ABOUT = "proposals.json"


class ProposalFiles:
    """Proposals in a folder.

    Args:
        folder: Where :meth:`create` has made them.
        writable: Open them to be written.

    Raises:
        UserError: They are missing or damaged.
    """

    def __init__(self, folder: str | os.PathLike[str], writable: bool = False) -> None:
        self.folder = Path(folder)
        mode: Any = "r+" if writable else "r"
        try:
            self.about = json.loads((self.folder / _ABOUT).read_text(encoding="utf-8"))
            self.boxes, self.scores, self.classes, self.done = (
                np.load(self.folder / f"{name}.npy", mmap_mode=mode)
                for name in ("boxes", "scores", "classes", "done")
            )
            self.images: list[str] = self.about["images"]
        except FileNotFoundError as error:
            raise UserFileNotFoundError(
                f"There are no proposals in '{folder}': 'mmresnet propose' writes them."
            ) from error
        except (ValueError, KeyError, TypeError, OSError, EOFError) as error:
            raise UserError(
                f"'{folder}' does not hold proposals, or damaged ones ({error}): remove it, and "
                "write it again with 'mmresnet propose'."
            ) from error

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        images: Sequence[str],
        shape: tuple[int, int],
        made_with: Mapping[str, Any],
    ) -> ProposalFiles:
        """Make the files, or open those of an interrupted call with the same arguments.

        Args:
            images: The name of each image.
            shape: K and n.
            made_with: What else the proposals depend on, of JSON's types.

        Raises:
            UserError: The folder holds anything else.
        """
        about = {**made_with, "shape": list(shape), "images": list(images)}
        if Path(folder).exists():
            found = cls(folder, writable=True)
            different = [key for key in about if found.about.get(key) != about[key]]
            if different:
                key = different[0]
                was, now = (_short(one.get(key)) for one in (found.about, about))
                raise UserError(
                    f"'{folder}' holds proposals that were made otherwise: {key} was {was} and is "
                    f"now {now}. Choose another folder, or remove it."
                )
            return found
        with atomic_folder(folder) as partial:
            count = (len(images),)
            for name, kind, size in (
                ("boxes", np.float32, (*count, *shape, 4)),
                ("scores", np.float32, (*count, *shape)),
                ("classes", np.int64, (*count, shape[0])),
                ("done", np.bool_, count),
            ):
                open_memmap(partial / f"{name}.npy", "w+", kind, size).flush()
            (partial / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        return cls(folder, writable=True)

    def write(
        self, rows: Sequence[int], boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray
    ) -> None:
        """Write the proposals for some images, and then that they are done."""
        self.boxes[rows], self.scores[rows], self.classes[rows] = boxes, scores, classes
        for array in (self.boxes, self.scores, self.classes):
            array.flush()
        self.done[rows] = True
        self.done.flush()

    def rows_of(self, images: Sequence[str]) -> list[int]:
        """Return where the proposals for these images are.

        Raises:
            UserError: Some are missing.
        """
        rows = {name: row for row, name in enumerate(self.images)}
        missing = [name for name in images if name not in rows]
        if missing:
            raise UserError(
                f"'{self.folder}' has no proposals for {len(missing):,} of {len(images):,} images "
                f"(the first: {missing[0]}); it has those for {quoted(self.images)}."
            )
        if not self.done.all():
            raise UserError(
                f"'{self.folder}' has proposals for {int(self.done.sum()):,} of "
                f"{len(self.images):,} images: the same 'mmresnet propose' command writes the rest."
            )
        return [rows[name] for name in images]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
