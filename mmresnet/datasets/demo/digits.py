"""Scikit-learn's handwritten digits as a folder of images, for runs that need no download.

1,797 images of 8×8 pixels (the test part of UCI's "Optical Recognition of Handwritten Digits").
They become PNG files in the layout of ImageNet, which mmpretrain's ``CustomDataset`` reads::

    <root>/train/0/0000.png … <root>/train/9/…    1,437 images
    <root>/val/0/…           … <root>/val/9/…       360 images
"""

import os
from collections.abc import Callable
from pathlib import Path

from mmresnet.atomic import atomic_folder
from mmresnet.errors import UserError

IMAGES = {"train": 1437, "val": 360}
CLASSES = tuple("0123456789")


def write_digits(root: str | os.PathLike[str]) -> bool:
    """Write the images below ``root``; see :func:`write_once`.

    Raises:
        UserError: ``root`` exists and does not contain these images, or scikit-learn is missing.
    """
    return write_once(root, _write_all, check_digits)


def write_once(
    root: str | os.PathLike[str], write: Callable[[Path], None], check: Callable[[Path], None]
) -> bool:
    """Let ``write`` fill the folder ``root``, unless it exists; ``check`` raises if it is wrong.

    The folder gets its name when it is complete, so that an interrupted call leaves nothing.

    Returns:
        True if the folder was written, False if it existed.
    """
    root = Path(root)
    if root.exists():
        check(root)
        return False
    with atomic_folder(root) as partial:
        write(partial)
    check(root)  # another process may have been faster
    return True


def check_digits(root: str | os.PathLike[str]) -> None:
    """Count the images below ``root``.

    Raises:
        UserError: they are not the :data:`IMAGES` of each split, or not in :data:`CLASSES`.
    """
    for split, expected in IMAGES.items():
        folder = Path(root) / split
        names = tuple(sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else ()
        found = len(list(folder.glob("*/*.png")))
        if names != CLASSES or found != expected:
            raise UserError(
                f"'{folder}' should contain {expected} PNG files of digits in the folders 0 to 9, "
                f"and contains {found} in {len(names)}: remove '{root}' and write it again, or "
                "choose another folder."
            )


def _write_all(root: Path) -> None:
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ModuleNotFoundError as error:
        raise UserError(
            "The digits come with scikit-learn, which is not installed: pip install scikit-learn."
        ) from error
    from PIL import Image

    digits = load_digits()
    train, val = train_test_split(
        range(len(digits.target)),
        test_size=IMAGES["val"],
        stratify=digits.target,
        random_state=0,
    )
    # ink goes from 0 to 16; the PNG files use the whole range of a byte
    pixels = (digits.images * (255 / 16)).round().astype("uint8")
    for split, members in (("train", train), ("val", val)):
        for name in CLASSES:
            (root / split / name).mkdir(parents=True)
        for index in members:
            path = root / split / str(digits.target[index]) / f"{index:04d}.png"
            Image.fromarray(pixels[index]).save(path)
