"""The boxes of ILSVRC's localization task: an XML file for each image, read once into columns.

What the files are like was learnt from the set's own development kit and from TensorFlow's
``process_bounding_boxes.py``: sizes and boxes are those of the picture that the annotator saw,
which may be of another size than the file; a few boxes reach beyond it, and a few have their
corners swapped; in some training files objects have an English name in place of the synset.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass

import numpy as np

from mmresnet.datasets import index_files
from mmresnet.datasets.image_index import find_images
from mmresnet.datasets.index_files import Index, Texts, stamp_of
from mmresnet.datasets.voc.annotation import read_annotation
from mmresnet.errors import UserError, UserFileNotFoundError

Object = tuple[str, tuple[int, int, int, int]]
"""A name, and x1, y1, x2, y2 in pixels, of which the last two are the first outside of the box."""

_MANY = 10_000  # files, which take seconds to read


@dataclass
class Boxes:
    """The annotations of a folder.

    Attributes:
        paths: The files, relative to the folder.
        sizes: Width and height of each annotated picture, int64 (files, 2).
        ends: How many boxes there are up to the end of each file, int64 (files,).
        boxes: x1, y1, x2, y2 in pixels of the annotated picture, float64 (boxes, 4); x2 and y2 are
            exclusive.
        labels: The name of each box, as an index of ``names``, int64 (boxes,).
        names: All names that occur.
    """

    paths: Texts
    sizes: np.ndarray
    ends: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    names: list[str]

    def of(self, row: int) -> tuple[list[str], np.ndarray]:
        """Return the names and boxes of a file."""
        part = slice(int(self.ends[row - 1]) if row else 0, int(self.ends[row]))
        return [self.names[label] for label in self.labels[part]], self.boxes[part]


def read_boxes(folder: str | os.PathLike[str]) -> Boxes:
    """Read all annotations below a folder, or take them from the index of an earlier start.

    A file that is added, removed or replaced is noticed, one that is written to in place is not;
    see ``docs/data.md``.

    Raises:
        UserError: There is no such folder, no file in it, or a file is not as it should be.
    """
    root = os.fspath(folder)
    if not os.path.isdir(root):
        raise UserFileNotFoundError(
            f"There is no folder '{root}' of annotations: ILSVRC's layout has the XML files in "
            "Annotations/CLS-LOC/train/<class>/ and Annotations/CLS-LOC/val/; set data_root to "
            "the folder above Annotations."
        )
    now = time.time_ns()
    paths = find_images(root, (".xml",), by_class=False).names
    if not len(paths):
        raise UserError(f"There is no XML file in '{root}'.")
    stamps = _stamps(root, paths, now)
    key = [os.path.realpath(root)]
    index = index_files.load("boxes", key)
    if index is None or stamps is None or index.meta["stamps"] != stamps:
        index = _read(root, paths)
        if stamps is not None:
            index.meta["stamps"] = stamps
            index = index_files.save("boxes", key, index)
    a = index.arrays
    found = Texts(a["paths"], a["path_ends"])
    return Boxes(found, a["sizes"], a["ends"], a["boxes"], a["labels"], index.meta["names"])


def _stamps(root: str, paths: Texts, now: int) -> dict[str, list[int]] | None:
    """Return what changes with the names in each folder, None if it cannot be relied upon."""
    stamps = {}
    for name in sorted({os.path.dirname(path) for path in paths.tolist()}):
        stamp = stamp_of(os.stat(os.path.join(root, name)), now)
        if stamp is None:
            return None
        stamps[name] = list(stamp)
    return stamps


def _read(root: str, paths: Texts) -> Index:
    if len(paths) >= _MANY:
        from mmengine.logging import print_log

        text = f"Reads {len(paths):,} annotation files in '{root}'; the next start will not."
        print_log(text, logger="current", level=logging.INFO)
    sizes, ends = np.zeros((len(paths), 2), np.int64), np.zeros(len(paths), np.int64)
    boxes: list[tuple[int, int, int, int]] = []
    labels: list[int] = []
    names: dict[str, int] = {}
    for row, path in enumerate(paths.tolist()):
        sizes[row], objects = read_file(os.path.join(root, path))
        for name, box in objects:
            labels.append(names.setdefault(name, len(names)))
            boxes.append(box)
        ends[row] = len(boxes)
    arrays = {
        "paths": paths.content,
        "path_ends": paths.ends,
        "sizes": sizes,
        "ends": ends,
        "boxes": np.asarray(boxes, np.float64).reshape(-1, 4),
        "labels": np.asarray(labels, np.int64),
    }
    return Index(arrays, {"names": list(names)})


def read_file(path: str | os.PathLike[str]) -> tuple[tuple[int, int], list[Object]]:
    """Read an annotation.

    ILSVRC's ``xmax`` and ``ymax`` belong to the box. Boxes here end before x2 and y2, so that
    their area is (x2 - x1)(y2 - y1), as it is in the development kit's overlap.

    Returns:
        Width and height of the annotated picture, and its objects.

    Raises:
        UserError: It is no such file, has no object, or a box lies outside of the picture.
    """
    annotation = read_annotation(path)
    if annotation.size is None or not annotation.names:
        what = "object" if annotation.size else "size"
        raise _unusable(path, f"it has no element '{what}'")
    width, height = annotation.size
    objects: list[Object] = []
    for name, given in zip(annotation.names, annotation.boxes, strict=True):
        corners = [round(value) for value in given]
        x1, x2 = sorted(corners[::2])
        y1, y2 = sorted(corners[1::2])
        x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2 + 1, width), min(y2 + 1, height)
        if x1 >= x2 or y1 >= y2:
            raise _unusable(path, f"the box {corners} lies outside of its {width}x{height} pixels")
        objects.append((name, (x1, y1, x2, y2)))
    return annotation.size, objects


def _unusable(path: str | os.PathLike[str], reason: str) -> UserError:
    return UserError(
        f"The annotation '{path}' cannot be used: {reason}. Replace it, or remove it together with "
        "its image."
    )
