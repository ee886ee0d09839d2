"""Pictures of one large handwritten digit each, in the layout of ILSVRC's localization task.

Scikit-learn's digits, drawn 28 to 80 pixels high on canvases of 96 to 128 pixels, over gradients,
with fragments of strokes and up to two digits of any class that are at most half as high. The large
digit is the class and has the box. The split is that of :mod:`mmresnet.datasets.demo.digits`: no
digit of a validation picture occurs in training. Every second training picture has a box; in ILSVRC
two in five have::

    <root>/Data/CLS-LOC/train/<class>/…png        2,000   <root>/Data/CLS-LOC/val/…png        400
    <root>/Annotations/CLS-LOC/train/<class>/…xml 1,000   <root>/Annotations/CLS-LOC/val/…xml 400
"""

import os
import tempfile
from pathlib import Path

import numpy as np

from mmresnet.datasets.demo.digits import CLASSES, write_digits, write_once
from mmresnet.errors import UserError

Digits = list[tuple[np.ndarray, int]]
"""Ink of (8, 8) in [0, 1], and class."""
Box = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels; the last two are exclusive."""

PICTURES = {"train": 2000, "val": 400}
ANNOTATED = {"train": 0.5, "val": 1.0}
SIDES = (96, 128)
DIGIT_HEIGHT = (28, 80)
VISIBLE_INK = 0.3  # a box encloses the pixels with at least this opacity


def write_digit_localization(root: str | os.PathLike[str]) -> bool:
    """Write the pictures below ``root``; see :func:`mmresnet.datasets.demo.digits.write_once`.

    Raises:
        UserError: ``root`` exists and does not contain them, or scikit-learn is missing.
    """
    return write_once(root, _write_all, check_digit_localization)


def check_digit_localization(root: str | os.PathLike[str]) -> None:
    """Count the files below ``root``.

    Raises:
        UserError: Pictures or annotations are missing, or there are others.
    """
    for split, pictures in PICTURES.items():
        for kind, ending, expected in (
            ("Data", "png", pictures),
            ("Annotations", "xml", round(pictures * ANNOTATED[split])),
        ):
            folder = Path(root) / kind / "CLS-LOC" / split
            found = len(list(folder.rglob(f"*.{ending}")))
            if found != expected:
                raise UserError(
                    f"'{folder}' should contain {expected:,} .{ending} files and contains "
                    f"{found:,}: remove '{root}' and write it again, or choose another folder."
                )


def draw_picture(digits: Digits, random: np.random.RandomState) -> tuple[np.ndarray, Box, int]:
    """Draw a picture with one of ``digits``.

    Returns:
        The picture, (H, W, 3) uint8 in RGB, the box around the ink of its digit, and its class.
    """
    width, height = random.randint(SIDES[0], SIDES[1] + 1, 2)
    left, right = random.randint(0, 90, (2, 3)).astype(float)
    position = np.linspace(0.0, 1.0, width)[None, :, None]
    canvas = np.repeat(left * (1 - position) + right * position, height, axis=0)
    for _ in range(random.randint(0, 5)):
        ink, _ = digits[random.randint(len(digits))]
        top, first = random.randint(0, 6, 2)
        fragment = ink[top : top + 3, first : first + 3]
        _draw(canvas, fragment, random.randint(10, 25), random)
    ink, label = digits[random.randint(len(digits))]
    size = random.randint(DIGIT_HEIGHT[0], DIGIT_HEIGHT[1] + 1)
    for _ in range(random.randint(0, 3)):
        other, _ = digits[random.randint(len(digits))]
        _draw(canvas, other, random.randint(12, size // 2 + 1), random)
    mask = _draw(canvas, ink, size, random)
    rows, columns = np.nonzero(mask >= VISIBLE_INK)
    box = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
    canvas += random.randint(-14, 15, (height, width, 1))  # grain
    return canvas.round().clip(0, 255).astype(np.uint8), box, label


def _draw(
    canvas: np.ndarray, ink: np.ndarray, height: int, random: np.random.RandomState
) -> np.ndarray:
    """Draw ink at a random place, ``height`` pixels high, and return its opacity, (H, W)."""
    from PIL import Image

    width = round(height * ink.shape[1] / ink.shape[0] * random.uniform(0.85, 1.15))
    levels = Image.fromarray((255 * ink).round().astype(np.uint8))
    large = np.asarray(levels.resize((width, height), Image.Resampling.BILINEAR)) / 255.0
    top = random.randint(0, canvas.shape[0] - height + 1)
    left = random.randint(0, max(canvas.shape[1] - width, 0) + 1)
    opacity = np.zeros(canvas.shape[:2])
    part = opacity[top : top + height, left : left + width]
    part[:] = large[:, : part.shape[1]]
    canvas += opacity[..., None] * (random.randint(130, 256, 3) - canvas)
    return opacity


def _write_all(root: Path) -> None:
    from PIL import Image

    for index, (split, digits) in enumerate(_read_digits().items()):
        every = round(1 / ANNOTATED[split] * 10)  # of which ten have a box
        for number in range(PICTURES[split]):
            random = np.random.RandomState([index, number])
            pixels, box, label = draw_picture(digits, random)
            name = f"{split}_{number:06d}"
            folder = Path(CLASSES[label]) if split == "train" else Path()
            path = root / "Data" / "CLS-LOC" / split / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            if number * 10 % every < 10:
                path = root / "Annotations" / "CLS-LOC" / split / folder / f"{name}.xml"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_annotation(name, pixels.shape, box, CLASSES[label]))


def _annotation(name: str, shape: tuple[int, ...], box: Box, label: str) -> str:
    """Return an annotation as ILSVRC has it, where the last column and row belong to a box."""
    x1, y1, x2, y2 = box
    return f"""<annotation>
  <filename>{name}</filename>
  <size><width>{shape[1]}</width><height>{shape[0]}</height><depth>3</depth></size>
  <object>
    <name>{label}</name>
    <bndbox>
      <xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2 - 1}</xmax><ymax>{y2 - 1}</ymax>
    </bndbox>
  </object>
</annotation>
"""


def _read_digits() -> dict[str, Digits]:
    """Return the digits of each split."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "digits"
        write_digits(root)
        return {
            split: [
                (np.asarray(Image.open(path)) / 255.0, CLASSES.index(path.parent.name))
                for path in sorted((root / split).glob("*/*.png"))
            ]
            for split in PICTURES
        }
