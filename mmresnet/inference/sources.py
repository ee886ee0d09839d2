"""Expand files, folders, globs, videos and arrays into a list of sources."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.datasets.image_files import IMAGE_SUFFIXES, is_passed_over
from mmresnet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import TypeIs

    OneImage = str | os.PathLike[str] | np.ndarray
    Images = OneImage | Sequence[OneImage]

# A GIF is read frame by frame; its first frame is what a data set takes it for.
VIDEO_SUFFIXES = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


@dataclass(frozen=True, eq=False)
class Source:
    """An image file, a video, or an array.

    Attributes:
        name: The path of its picture below the output folder, without the extension.
        path: The path as given or found; None for an array.
        array: (H, W, 3) uint8 in BGR; None for a file.
    """

    name: str
    path: str | None = None
    array: np.ndarray | None = None

    @property
    def is_video(self) -> bool:
        return self.path is not None and self.path.lower().endswith(VIDEO_SUFFIXES)


def find_sources(images: Images, skip: str | os.PathLike[str] | None = None) -> list[Source]:
    """Return the sources that ``images`` names, each file once, in a fixed order.

    Args:
        images: A path, an array, or a sequence of them. A path is that of an image or video, a
            folder (searched recursively for the extensions of images and videos, without hidden
            files and folders) or a glob, in which ``**``
            matches any folders. An array is (H, W, 3) uint8 in BGR, as ``cv2.imread`` returns it.
        skip: A folder to leave out of folders and globs: that of earlier pictures.

    Raises:
        UserError: A file does not exist, a folder or glob matches nothing, or an array has another
            shape or type.
    """
    given: list[OneImage] = [images] if _is_one(images) else list(images)
    if not given:
        raise UserError("The list of images is empty.")
    sources: list[Source] = []
    seen: set[str] = set()
    names: set[str] = set()
    for number, one in enumerate(given):
        if not isinstance(one, (str, os.PathLike)):
            _check_array(one, number)
            sources.append(Source(_unused(f"image_{number}", names), array=one))
            continue
        for path, name in _expand(os.fspath(one), skip):
            if (key := os.path.realpath(path)) not in seen:
                seen.add(key)
                sources.append(Source(_unused(name, names), path=path))
    return sources


def _is_one(images: Images) -> TypeIs[OneImage]:
    return isinstance(images, (str, os.PathLike)) or hasattr(images, "dtype")


def _check_array(array: object, number: int) -> None:
    wanted = "(height, width, 3) of uint8 in BGR, as cv2.imread returns it"
    shape, dtype = getattr(array, "shape", None), getattr(array, "dtype", None)
    if shape is None or dtype is None:
        raise UserError(
            f"Image {number} is of type {type(array).__name__}: give a path, or an array {wanted}."
        )
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or str(dtype) != "uint8":
        raise UserError(f"Image {number} is {tuple(shape)} of {dtype}, and must be {wanted}.")


def _expand(text: str, skip: str | os.PathLike[str] | None) -> Iterable[tuple[str, str]]:
    """Return the files that a path or glob names, each with the name for its picture."""
    if os.path.isfile(text):
        return [(text, Path(text).stem)]
    if os.path.isdir(text):
        found = [
            str(path)
            for path in Path(text).rglob("*")
            if _is_picture(path, skip) and not _is_hidden(path.relative_to(text))
        ]
        if not found:
            raise UserError(
                f"There is no image or video in the folder '{text}': file names must end in "
                f"{', '.join(sorted({*IMAGE_SUFFIXES, *VIDEO_SUFFIXES}))}."
            )
        return [(path, str(Path(path).relative_to(text).with_suffix(""))) for path in sorted(found)]
    if any(wildcard in text for wildcard in "*?["):
        # a glob selects its files itself, whatever their extensions
        found = [path for path in glob.glob(text, recursive=True) if os.path.isfile(path)]
        found = [path for path in found if not _lies_in(Path(path), skip)]
        if not found:
            raise UserError(f"No file matches '{text}'.")
        return [(path, Path(path).stem) for path in sorted(found)]
    folder = os.path.dirname(text) or "."
    near = os.listdir(folder) if os.path.isdir(folder) else []
    hint = did_you_mean(os.path.basename(text), near)
    raise UserError(f"There is no file or folder '{text}'.{hint}")


def _is_picture(path: Path, skip: str | os.PathLike[str] | None) -> bool:
    known = path.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES
    return known and path.is_file() and not _lies_in(path, skip)


def _is_hidden(path: Path) -> bool:
    return any(map(is_passed_over, path.parts))


def _lies_in(path: Path, folder: str | os.PathLike[str] | None) -> bool:
    return folder is not None and path.resolve().is_relative_to(Path(folder).resolve())


def _unused(name: str, names: set[str]) -> str:
    """Return ``name``, with a number appended if another picture has that name already."""
    number, free = 1, name
    while free.lower() in names:  # file systems can be case-insensitive
        number += 1
        free = f"{name}_{number}"
    names.add(free.lower())
    return free
