"""Scenes of handwritten digits among clutter, with boxes, in COCO's format: a set to detect on.

Scikit-learn's digits are drawn 16 to 48 pixels large on canvases of 160×128 pixels. The split is
that of :mod:`mmresnet.datasets.demo.digits`: no digit of a validation scene occurs in training.
The layout is the one that COCO's tools expect of one's own data::

    <root>/annotations/instances_train.json     <root>/train/000001.png …     400 scenes
    <root>/annotations/instances_val.json       <root>/val/000001.png …       100 scenes
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from mmresnet.atomic import atomic_folder
from mmresnet.datasets.demo.digits import CLASSES, write_digits
from mmresnet.datasets.demo.scene_drawing import HEIGHT, WIDTH, draw_scene
from mmresnet.errors import UserError

SCENES = {"train": 400, "val": 100}


def write_digit_scenes(root: str | os.PathLike) -> bool:
    """Write the scenes below ``root``; leave them alone if they are there already.

    The folder appears under its name when it is complete, so an interrupted call leaves none.

    Returns:
        True if the scenes were written, False if they were there.

    Raises:
        UserError: ``root`` exists and does not hold these scenes, or scikit-learn is missing.
    """
    if Path(root).exists():
        check_digit_scenes(root)
        return False
    with atomic_folder(root) as partial:
        _write_all(partial)
    check_digit_scenes(root)
    return True


def check_digit_scenes(root: str | os.PathLike) -> None:
    """Compare what lies below ``root`` with what should.

    Raises:
        UserError: an annotation file or images are missing, or belong to something else.
    """
    for split, expected in SCENES.items():
        wanted = {_file_name(number) for number in range(1, expected + 1)}
        found = {path.name for path in (Path(root) / split).glob("*.png")}
        listed = _listed_files(_annotation_file(root, split))
        if not wanted == found == listed:
            raise UserError(
                f"'{root}' should hold {expected} scenes of digits in {split}/ and list them in "
                f"annotations/instances_{split}.json; it holds {len(found & wanted)} and lists "
                f"{len(listed & wanted)} of them: remove '{root}' and write it again, or choose "
                "another folder."
            )


def _listed_files(path: Path) -> set[str]:
    try:
        return {image["file_name"] for image in json.loads(path.read_text())["images"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _annotation_file(root: str | os.PathLike, split: str) -> Path:
    return Path(root) / "annotations" / f"instances_{split}.json"


def _file_name(number: int) -> str:
    return f"{number:06d}.png"


def _write_all(root: Path) -> None:
    from PIL import Image

    (root / "annotations").mkdir()
    for index, (split, digits) in enumerate(_read_digits().items()):
        (root / split).mkdir()
        images, annotations = [], []
        for number in range(1, SCENES[split] + 1):
            # of each scene alone, so that it does not depend on how many there are
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
