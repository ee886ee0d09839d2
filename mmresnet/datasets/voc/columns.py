"""Annotations in VOC's format as the columns that :mod:`mmresnet.datasets.coco.columns` describes.

Of a set of n images there are n files. They are read once, and then from the cache until one of
them changes: for that, each is asked for its time and size.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from mmresnet.datasets import index_files
from mmresnet.datasets.index_files import Index, Texts
from mmresnet.datasets.voc.annotation import Annotation, read_annotation
from mmresnet.errors import UserError, UserFileNotFoundError

_ORIENTATION = 0x0112  # EXIF's tag
_THREADS = 16  # a drive in a network answers many questions at once
_T = TypeVar("_T")


@dataclass(frozen=True)
class VOCFiles:
    """The files of a set.

    Attributes:
        names: Of each image, its path below both folders without a suffix.
        images: The path of each image below ``image_folder``.
        annotation_folder: None for a set without annotations.
        listed_in: The file that lists the images, for messages.
    """

    names: Sequence[str]
    images: Sequence[str]
    image_folder: str
    annotation_folder: str | None
    listed_in: str

    def annotations(self) -> list[str]:
        """Return the path of each annotation file."""
        assert self.annotation_folder is not None
        return [os.path.join(self.annotation_folder, f"{name}.xml") for name in self.names]


def read_columns(
    files: VOCFiles, first_pixel: int = 1, class_names: Mapping[str, str] | None = None
) -> Index:
    """Return the columns of a set, from the cache if it has those of these files.

    ``crowd`` marks objects that are difficult. Boxes have zero-based continuous coordinates: a box
    of one pixel in the upper left corner is 0, 0 and of width and height 1.

    Args:
        first_pixel: The coordinate of the first pixel in a row, as the files count.
        class_names: The name of a class by that in the files; others are kept.

    Raises:
        UserError: A file is missing or not in VOC's format.
    """
    if files.annotation_folder is None:
        return _columns(files, [Annotation() for _ in files.names], 0, {})
    key = (os.path.realpath(files.annotation_folder), files.listed_in, first_pixel, class_names)
    now = time.time_ns()
    stamp, settled = _stamp(files, now)
    if (found := index_files.load("voc", key, stamp)) is None:
        annotations = list(_in_threads(read_annotation, files.annotations()))
        found = _columns(files, annotations, first_pixel, class_names or {})
        # the size of an image is not what is watched here
        if settled and all(one.size for one in annotations):
            found = index_files.save("voc", key, found, stamp)
    names = Texts.pack(files.images)
    return Index({**found.arrays, "names": names.content, "ends": names.ends}, found.meta)


def _stamp(files: VOCFiles, now: int) -> tuple[index_files.Stamp, bool]:
    """Return what changes with any of the files, and whether none was changed just now.

    Raises:
        UserFileNotFoundError: One does not exist.
    """
    paths = files.annotations()
    states = list(_in_threads(_state, paths))
    missing = [path for path, state in zip(paths, states, strict=True) if state is None]
    if missing:
        raise UserFileNotFoundError(
            f"{len(missing):,} of the {len(paths):,} images that '{files.listed_in}' lists have no "
            f"annotations (the first: there is no '{missing[0]}'): put them there, set "
            "data_prefix.ann to where they are, or leave data_prefix.ann out for a set without any."
        )
    digest = hashlib.sha256("\0".join(files.names).encode("utf-8", "surrogateescape"))
    settled = True
    for state in states:
        assert state is not None
        digest.update(repr(index_files.stamp_of(state)).encode())
        settled &= index_files.stamp_of(state, now) is not None
    return (int.from_bytes(digest.digest()[:8], "little"),), settled


def _state(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _in_threads(work: Callable[[str], _T], paths: Sequence[str]) -> Iterator[_T]:
    """Yield the result of ``work`` for each path, in their order."""
    parts = [paths[start : start + 256] for start in range(0, len(paths), 256)]
    with ThreadPoolExecutor(_THREADS) as threads:
        for results in threads.map(lambda part: [work(path) for path in part], parts):
            yield from results


def _columns(
    files: VOCFiles,
    annotations: Sequence[Annotation],
    first_pixel: int,
    class_names: Mapping[str, str],
) -> Index:
    sizes = [
        one.size or _image_size(os.path.join(files.image_folder, image))
        for one, image in zip(annotations, files.images, strict=True)
    ]
    names = [class_names.get(name, name) for one in annotations for name in one.names]
    categories = sorted(set(names))
    numbers = {name: number for number, name in enumerate(categories)}
    counts = np.cumsum([0, *(len(one.names) for one in annotations)], dtype=np.int64)
    box = np.array([box for one in annotations for box in one.boxes], np.float64).reshape(-1, 4)
    box[:, 2:] += 1 - box[:, :2]  # the last pixel belongs to the box
    box[:, :2] -= first_pixel
    image_names = Texts.pack(files.images)
    rows = np.arange(len(box))
    arrays = {
        "image_id": np.arange(len(annotations)),
        "size": np.array(sizes, np.int64).reshape(-1, 2),
        "names": image_names.content,
        "ends": image_names.ends,
        "first": counts,
        "annotation_id": rows,
        "place": rows,
        "category": np.array([numbers[name] for name in names], np.int32),
        "box": box,
        "area": box[:, 2] * box[:, 3],
        "crowd": np.array([flag for one in annotations for flag in one.difficult], bool),
        "ignore": np.zeros(len(box), bool),
    }
    listed = [{"id": number, "name": name} for name, number in numbers.items()]
    return Index(arrays, {"categories": listed, "annotated": files.annotation_folder is not None})


def _image_size(path: str) -> tuple[int, int]:
    """Return width and height as the image is shown, from the file's header.

    Raises:
        UserError: It has none that is right.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            on_its_side = image.getexif().get(_ORIENTATION, 1) >= 5
            return (height, width) if on_its_side else (width, height)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The size of '{path}' is not known: its annotations do not give it, and the image "
            f"cannot be read ({error}). Replace it, or take it out of the list of images."
        ) from error
