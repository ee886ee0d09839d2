"""Which files of a folder are images, in training as in inference."""

from __future__ import annotations

import os

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
