"""Which files of a folder are images, in training as in inference."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# what OpenCV and Pillow both decode
IMAGE_SUFFIXES = (
    *(".apng", ".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)


def is_passed_over(name: str) -> bool:
    """Return whether a file or folder is not the user's: ``.ipynb_checkpoints``, ``._1.jpg``."""
    return name.startswith(".") or name == "__MACOSX"


def class_folders(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names of the class folders, in the order of their labels."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not is_passed_over(e.name))


@dataclass
class Found:
    """What a folder of images holds; paths are relative to it.

    Attributes:
        images: The images with their labels, in the order of their classes and, in these, of their
            paths, as mmpretrain's ``CustomDataset`` has them. A label is None without classes.
        classes: The names of the class folders, by label.
        others: Files that were not taken: of other kinds, or in no class folder.
        empty: Those of ``images`` with no content at all.
    """

    images: list[tuple[str, int | None]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    @property
    def empty_classes(self) -> list[str]:
        """The names of class folders that hold no image."""
        filled = {label for _, label in self.images}
        return [name for label, name in enumerate(self.classes) if label not in filled]


def find_images(
    folder: str | os.PathLike[str],
    suffixes: Iterable[str] = IMAGE_SUFFIXES,
    by_class: bool = True,
) -> Found:
    """Search a folder, with all folders in it.

    Args:
        suffixes: Endings of the names of images, in lower case.
        by_class: The folders in ``folder`` are the classes, and images beside them are not taken.
    """
    found, suffixes = Found(), tuple(suffixes)
    found.classes = class_folders(folder) if by_class else []
    starts = list(enumerate(found.classes)) if by_class else [(None, "")]
    for label, name in starts:
        files = sorted(_files(os.path.join(folder, name), f"{name}/" if name else ""))
        for path, size in files:
            if not path.lower().endswith(suffixes) or size < 0:
                found.others.append(path)
                continue
            found.images.append((path, label))
            if size == 0:
                found.empty.append(path)
    if by_class:
        with os.scandir(folder) as entries:
            beside = (e.name for e in entries if not e.is_dir() and not is_passed_over(e.name))
            found.others += sorted(beside)
    return found


def _files(folder: str, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield the files below a folder with their sizes in bytes; -1 where a link leads nowhere."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_passed_over(entry.name):
                continue
            if entry.is_dir():
                yield from _files(entry.path, f"{prefix}{entry.name}/")
            else:
                yield f"{prefix}{entry.name}", entry.stat().st_size if entry.is_file() else -1
