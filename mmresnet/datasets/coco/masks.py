"""The masks of annotations as arrays."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import numpy as np

from mmresnet.datasets.index_files import Texts

_NAMES = ("mask_values", "polygon_ends", "mask_ends", "other_masks", "other_ends", "other_texts")


class Masks:
    """The ``segmentation`` of annotations, in the order of their file.

    Polygons are numbers in one array, with the ends of each polygon and of the polygons of each
    annotation. Anything else, such as the runs of a crowd's mask, is kept as JSON.

    Args:
        columns: What :meth:`arrays` returned.
    """

    def __init__(self, columns: dict[str, np.ndarray] | None = None) -> None:
        self._columns = [columns[name] for name in _NAMES] if columns else None
        self._blocks: list[list[np.ndarray]] = []
        self._others: dict[int, str] = {}
        self._count = 0

    def add(self, masks: list[Any]) -> None:
        """Append masks; None is that of an annotation without one."""
        polygons = [mask if _are_polygons(mask) else [] for mask in masks] if any(masks) else masks
        counts = np.array([len(mask or ()) for mask in polygons], np.int64)
        parts = [polygon for mask in polygons for polygon in mask or ()]
        lengths = np.array([len(polygon) for polygon in parts], np.int64)
        values = np.array(list(chain.from_iterable(parts)), np.float64)
        self._blocks.append([values, lengths, counts])
        for place, (mask, found) in enumerate(zip(masks, polygons, strict=True), self._count):
            if mask and not found:
                self._others[place] = json.dumps(mask)
        self._count += len(masks)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the columns: none if no annotation has a mask. What was added is dropped."""
        blocks, self._blocks = self._blocks, []
        if not self._others and not any(len(block[1]) for block in blocks):
            return {}
        values, lengths, counts = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        places = np.array(list(self._others), np.int64)
        texts = Texts.pack(self._others.values())
        columns = (values, np.cumsum(lengths), np.cumsum(counts), places, texts.ends, texts.content)
        return dict(zip(_NAMES, columns, strict=True))

    def __getitem__(self, place: int) -> Any:
        """Return a mask as the file has it, or None."""
        if self._columns is None:
            return None
        values, polygon_ends, mask_ends, others, text_ends, texts = self._columns
        first, last = (int(mask_ends[place - 1]) if place else 0), int(mask_ends[place])
        if first == last:
            other = int(np.searchsorted(others, place))
            if other == len(others) or others[other] != place:
                return None
            return json.loads(Texts(texts, text_ends)[other])
        start = int(polygon_ends[first - 1]) if first else 0
        ends = (polygon_ends[first:last] - start).tolist()
        numbers = values[start : start + ends[-1]].tolist()
        return [numbers[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def _are_polygons(mask: Any) -> bool:
    """Return whether a mask is a list of lists of numbers."""
    return (
        type(mask) is list
        and all(type(polygon) is list for polygon in mask)
        and not {type(value) for polygon in mask for value in polygon} - {int, float}
    )
