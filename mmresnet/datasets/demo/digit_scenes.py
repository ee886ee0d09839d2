"""Scenes of handwritten digits among clutter, in COCO's format: a set for detection.

Scikit-learn's digits are drawn 16 to 48 pixels large on canvases of 160×128 pixels. The split is
that of :mod:`mmresnet.datasets.demo.digits`: no digit of a validation scene occurs in training.
The layout::

    <root>/annotations/instances_train.json     <root>/train/000001.png …     400 scenes
    <root>/annotations/instances_val.json       <root>/val/000001.png …       100 scenes
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from mmresnet.datasets.demo.digits import CLASSES, write_digits, write_once
from mmresnet.datasets.demo.scene_drawing import HEIGHT, WIDTH, draw_scene
from mmresnet.errors import UserError

SCENES = {"train": 400, "val": 100}


def write_digit_scenes(root: str | os.PathLike[str]) -> bool:
    """Write the scenes below ``root``; see :func:`write_once`.

    Raises:
        UserError: ``root`` exists and does not contain these scenes, or scikit-learn is missing.
    """
    return write_once(root, _write_all, check_digit_scenes)


def check_digit_scenes(root: str | os.PathLike[str]) -> None:
    """Compare the files below ``root`` with those that should be there.

    Raises:
        UserError: an annotation file or images are missing or unknown.
    """
    for split, count in SCENES.items():
        expected = {_file_name(number) for number in range(1, count + 1)}
        found = {path.name for path in (Path(root) / split).glob("*.png")}
        listed = _listed_files(_annotation_file(root, split))
        if not expected == found == listed:
            raise UserError(
                f"'{root}' should contain {count} scenes of digits in {split}/ and list them in "
                f"annotations/instances_{split}.json; it contains {len(found & expected)} and "
                f"lists {len(listed & expected)} of them: remove '{root}' and write it again, or "
                "choose another folder."
            )


def _listed_files(path: Path) -> set[str]:
    try:
        return {image["file_name"] for image in json.loads(path.read_text())["images"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _annotation_file(root: str | os.PathLike[str], split: str) -> Path:
    return Path(root) / "annotations" / f"instances_{split}.json"


def _file_name(number: int) -> str:
    return f"{number:06d}.png"


def _write_all(root: Path) -> None:
    from PIL import Image

    (root / "annotations").mkdir()
    for index, (split, digits) in enumerate(_read_digits().items()):
        (root / split).mkdir()
        images: list[dict[str, object]] = []
        annotations: list[dict[str, object]] = []
        for number in range(1, SCENES[split] + 1):
            # seeded for each scene, so that a scene does not depend on their number
            random = np.random.RandomState([index, number])
            pixels, boxes, labels = draw_scene(digits, random)
            Image.fromarray(pixels).save(root / split / _file_name(number))
            images.append(
                {"id": number, "file_name": _file_name(number), "width": WIDTH, "height": HEIGHT}
            )
            for box, label in zip(boxes, labels, strict=True):
                x1, y1, x2, y2 = box
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": label + 1,
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "area": (x2 - x1) * (y2 - y1),
                        "iscrowd": 0,
                    }
                )
        content = {
            "info": {"description": f"Scikit-learn's handwritten digits among clutter, {split}"},
            "images": images,
            "annotations": annotations,
            "categories": [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)],
        }
        _annotation_file(root, split).write_text(json.dumps(content))


def _read_digits() -> dict[str, list[tuple[np.ndarray, int]]]:
    """Return ``{split: [(ink, label)]}``; ink is (8, 8) in [0, 1]."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "digits"
        write_digits(root)
        return {
            split: [
                (np.asarray(Image.open(path)) / 255.0, CLASSES.index(path.parent.name))
                for path in sorted((root / split).glob("*/*.png"))
            ]
            for split in SCENES
        }
