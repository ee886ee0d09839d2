"""Small sets in VOC's format, written for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

# name, xmin, ymin, xmax, ymax, difficult
OBJECTS = {
    "000001": [("cat", 1, 1, 10, 20, 0), ("dog", 40, 30, 80, 64, 1)],
    "000002": [],
    "2008_000003": [("owl", 5, 6, 5, 6, 0), ("cat", 11, 12, 40.5, 50, 0)],
    "000004": [("dog", 3, 3, 30, 30, 0)],
}


def write_xml(path: Path, objects, size=(80, 64)) -> None:
    """Write an annotation file; ``size`` may be None, and ``difficult`` of an object too."""
    lines = ["<annotation>"]
    if size is not None:
        lines.append(f"<size><width>{size[0]}</width><height>{size[1]}</height></size>")
    for name, x1, y1, x2, y2, difficult in objects:
        lines.append(f"<object><name>{name}</name>")
        if difficult is not None:
            lines.append(f"<difficult>{difficult}</difficult>")
        lines.append(
            f"<bndbox><xmax>{x2}</xmax><xmin>{x1}</xmin><ymax>{y2}</ymax><ymin>{y1}</ymin></bndbox>"
            "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax>"
            "<ymax>2</ymax></bndbox></part></object>"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "</annotation>"]))


def write_image(path: Path, size=(80, 64), seed=0) -> None:
    """Write an image of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def write_voc(root: Path, objects=None, split="trainval", suffix=".jpg") -> Path:
    """Write a folder such as VOC2007 and return it."""
    objects = OBJECTS if objects is None else objects
    for number, (name, found) in enumerate(objects.items()):
        write_image(root / "JPEGImages" / f"{name}{suffix}", seed=number)
        write_xml(root / "Annotations" / f"{name}.xml", found)
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / f"{split}.txt").write_text("".join(f"{name}\n" for name in objects))
    return root
