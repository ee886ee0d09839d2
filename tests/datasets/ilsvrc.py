"""A small set in the layout of ILSVRC's localization task."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("n01440764", "n01443537")


def annotation(boxes, size=(50, 40), names=None):
    """Return an XML text; boxes are xmin, ymin, xmax, ymax as in the files."""
    names = names or [CLASSES[0]] * len(boxes)
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax>"
        f"<ymax>{d}</ymax></bndbox></object>"
        for name, (a, b, c, d) in zip(names, boxes, strict=True)
    )
    size = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return f"<annotation><filename>%s</filename>{size}{objects}</annotation>"


def add(root, split, stem, text, folder="", size=(50, 40)):
    """Write an image, and its annotation unless ``text`` is None."""
    path = Path(root) / "Data" / "CLS-LOC" / split / folder / f"{stem}.JPEG"
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(0).randint(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)
    if text is not None:
        path = Path(root) / "Annotations" / "CLS-LOC" / split / folder / f"{stem}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def write(root):
    """Write four training images, three of them with boxes, and two for validation."""
    first, second = CLASSES
    add(root, "train", f"{first}_1", annotation([(10, 5, 29, 34)]), first)
    add(root, "train", f"{first}_2", annotation([(0, 0, 9, 9), (20, 20, 49, 39)]), first)
    add(root, "train", f"{first}_3", None, first)
    add(root, "train", f"{second}_1", annotation([(5, 5, 24, 24)], names=[second]), second)
    add(root, "val", "ILSVRC2012_val_00000001", annotation([(1, 2, 30, 31)], names=[second]))
    add(root, "val", "ILSVRC2012_val_00000002", annotation([(0, 0, 49, 39)]))
    return root
