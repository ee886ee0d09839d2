"""Which images a set in VOC's format has: its list of images, and the files that it names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from mmresnet.datasets.image_files import IMAGE_SUFFIXES, is_passed_over
from mmresnet.datasets.voc.columns import VOCFiles
from mmresnet.errors import UserError, UserFileNotFoundError, did_you_mean

LAYOUT = {"img": "JPEGImages", "ann": "Annotations"}
"""The folders of images and annotations in VOC's own layout."""


def find_files(ann_file: str, image_folder: str, annotation_folder: str | None) -> VOCFiles:
    """Return the files of a set.

    Args:
        ann_file: A list with the name of an image, without suffix, as the first word of each line.
            Without one, the set is all annotation files, or else all images, in the order of their
            paths.
        image_folder: Where the images are; they may have any of ``IMAGE_SUFFIXES``.
        annotation_folder: Where their annotations are; None for a set without any.

    Raises:
        UserError: A file or folder is missing, or an image is listed twice.
    """
    if ann_file:
        names, listed_in = _listed(ann_file), ann_file
    else:
        listed_in = annotation_folder or image_folder
        suffixes = (".xml",) if annotation_folder else IMAGE_SUFFIXES
        names = sorted({os.path.splitext(path)[0] for path in _below(listed_in, suffixes)})
    if not names:
        raise UserError(f"'{listed_in}' lists no image: it needs the name of one in each line.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"'{listed_in}' lists '{twice[0]}' twice: delete one of the lines.")
    images = _images(names, image_folder, listed_in)
    return VOCFiles(names, images, image_folder, annotation_folder, listed_in)


def check_there(ann_file: str, image_folder: str, annotation_folder: str | None) -> None:
    """Check that the list of a set and its folders exist, without looking into the folders.

    Raises:
        UserError: One does not.
    """
    if ann_file:
        _listed(ann_file)
    for folder in filter(None, (image_folder, annotation_folder)):
        if not os.path.isdir(folder):
            raise _no_folder(folder)


def _no_folder(folder: str) -> UserFileNotFoundError:
    return UserFileNotFoundError(
        f"There is no folder '{folder}': set data_root and data_prefix to where the data is."
    )


def _listed(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split() for line in file]
    except FileNotFoundError as error:
        folder = os.path.dirname(path)
        there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        hint = did_you_mean(os.path.basename(path), there)
        raise UserFileNotFoundError(
            f"There is no list of images '{path}'.{hint} Set data_root to where the data is, or "
            "ann_file to the list; ann_file='' takes all annotations. VOC's layout is "
            "VOC2007/{JPEGImages,Annotations,ImageSets/Main}."
        ) from error
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise UserError(f"'{path}' is no list of images: it is no file of text.") from error
    return [words[0] for words in lines if words]


def _below(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the paths of files in a folder and its folders, relative to it."""
    if not os.path.isdir(folder):
        raise _no_folder(folder)
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not is_passed_over(name)]
        for name in files:
            if name.lower().endswith(suffixes) and not is_passed_over(name):
                yield os.path.relpath(os.path.join(parent, name), folder)


def _images(names: list[str], folder: str, listed_in: str) -> list[str]:
    """Return the file of each image, below ``folder``; each folder is listed once."""
    files: dict[str, dict[str, str]] = {}
    found, missing = [], []
    for name in names:
        parent, stem = os.path.split(name)
        if parent not in files:
            files[parent] = _by_stem(os.path.join(folder, parent))
        if stem in files[parent]:
            found.append(os.path.join(parent, files[parent][stem]))
        else:
            missing.append(name)
    if missing:
        where = "" if os.path.isdir(folder) else ", a folder that does not exist"
        raise UserFileNotFoundError(
            f"{len(missing):,} of the {len(names):,} images that '{listed_in}' lists are missing "
            f"in '{folder}'{where} (the first: '{missing[0]}'): put them there, set "
            "data_prefix.img to where they are, or take them out of the list."
        )
    return found


def _by_stem(folder: str) -> dict[str, str]:
    """Return the images in a folder by their names without suffix.

    Raises:
        UserError: Two images have the same.
    """
    found: dict[str, str] = {}
    if os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in IMAGE_SUFFIXES:
                if stem in found:
                    raise UserError(
                        f"'{folder}' has '{found[stem]}' and '{name}', and the annotations "
                        f"'{stem}.xml' can be of one of them only: rename or remove the other."
                    )
                found[stem] = name
    return found
