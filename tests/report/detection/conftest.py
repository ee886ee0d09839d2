"""A detector's run: images with squares, a file of detections."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from mmresnet.evaluation.detection import detection_file
from mmresnet.evaluation.detection.detection_file import Detections
from mmresnet.report.run import Run

pytest.importorskip("faster_coco_eval")

Write = Callable[..., Run]


@pytest.fixture
def write_run(tmp_path: Path) -> Write:
    """``write_run(objects, detections)`` of images of 60 x 40 pixels, by their names.

    Objects are (image, class, x, y, width, height[, flag]), detections have their score at the end.
    """

    def write(
        objects: list[tuple],
        detections: list[tuple],
        classes: tuple[str, ...] = ("cat", "dog"),
        rule: str = "coco",
        size: tuple[int, int] = (60, 40),
    ) -> Run:
        names = sorted({one[0] for one in [*objects, *detections]})
        for name in names:
            picture = Image.new("RGB", size, "#405060")
            pen = ImageDraw.Draw(picture)
            for _, _, x, y, w, h, *_ in (one for one in objects if one[0] == name):
                pen.rectangle((x, y, x + w, y + h), fill="#c0c0c0")
            picture.save(tmp_path / name)
        ids = {name: number for number, name in enumerate(names, start=1)}

        def common(one: tuple) -> dict:
            category = classes.index(one[1]) + 1
            box = list(map(float, one[2:6]))
            return {"image_id": ids[one[0]], "category_id": category, "bbox": box}

        found = Detections(
            images=[
                {"id": i, "file_name": name, "path": str(tmp_path / name)}
                | {"width": size[0], "height": size[1]}
                for name, i in ids.items()
            ],
            categories=[{"id": i, "name": name} for i, name in enumerate(classes, start=1)],
            annotations=[
                {"id": number, "iscrowd": 0, **common(one), **dict.fromkeys(one[6:], 1)}
                for number, one in enumerate(objects, start=1)
            ],
            detections=[{**common(one), "score": one[6]} for one in detections],
            rule=rule,
        )
        (tmp_path / "predictions").mkdir(exist_ok=True)
        detection_file.save(tmp_path / "predictions" / "test.json", found)
        return Run(tmp_path)

    return write


@pytest.fixture
def mixed_run(write_run: Write) -> Run:
    """A cat is found, one is taken for a dog, one is missed; a dog is found where nothing is."""
    return write_run(
        [
            ("a.png", "cat", 2, 2, 20, 20),
            ("a.png", "cat", 30, 2, 20, 20),
            ("b.png", "cat", 2, 2, 30, 30),
            ("c.png", "dog", 5, 5, 20, 20),
        ],
        [
            ("a.png", "cat", 2, 2, 20, 20, 0.9),
            ("a.png", "dog", 30, 2, 20, 20, 0.8),
            ("c.png", "dog", 5, 5, 20, 20, 0.9),
            ("c.png", "dog", 35, 20, 15, 15, 0.85),
        ],
    )
