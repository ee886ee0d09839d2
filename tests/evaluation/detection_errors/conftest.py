"""Sets of images with boxes: written by hand, and drawn at random."""

from collections.abc import Callable, Iterator

import pytest

from mmresnet.evaluation.detection.detection_file import Detections

CATEGORIES = [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}, {"id": 5, "name": "owl"}]


@pytest.fixture
def scene() -> Callable[..., Detections]:
    """``scene(objects, detections)`` of images by name.

    Objects are (image, class, x, y, width, height[, flag]), detections have their score at the end.
    """

    def make(objects: list[tuple], detections: list[tuple], rule: str = "coco") -> Detections:
        names = sorted({one[0] for one in [*objects, *detections]})
        ids = {name: number for number, name in enumerate(names, start=1)}
        categories = {one["name"]: one["id"] for one in CATEGORIES}

        def common(one: tuple) -> dict:
            box = [float(value) for value in one[2:6]]
            return {"image_id": ids[one[0]], "category_id": categories[one[1]], "bbox": box}

        return Detections(
            images=[
                {"id": i, "file_name": f"{name}.png", "path": f"{name}.png"}
                | {"width": 200, "height": 200}
                for name, i in ids.items()
            ],
            categories=list(CATEGORIES),
            annotations=[
                {"id": number, "iscrowd": 0, **common(one), **dict.fromkeys(one[6:], 1)}
                for number, one in enumerate(objects, start=1)
            ],
            detections=[{**common(one), "score": one[6]} for one in detections],
            rule=rule,
        )

    return make


@pytest.fixture
def random_scene(scene) -> Callable[..., Detections]:
    """``random_scene(flag, share)``: 40 images, whole pixels; a share of objects has the flag."""

    def make(flag: str = "iscrowd", share: float = 0.0, rule: str = "coco") -> Detections:
        draw = _numbers()
        classes = [one["name"] for one in CATEGORIES]

        def between(low: float, high: float) -> int:
            return int(low + (high - low) * next(draw))

        objects, detections = [], []
        for image in range(10, 50):
            for _ in range(between(1, 6)):
                name = classes[between(0, 3)]
                x, y, w, h = between(0, 120), between(0, 120), between(8, 80), between(8, 80)
                flags = (flag,) if next(draw) < share else ()
                objects.append((image, name, x, y, w, h, *flags))
                for _ in range(between(0, 4)):
                    x2, y2 = (c + int(0.4 * s * (next(draw) - 0.5)) for c, s in ((x, w), (y, h)))
                    w2, h2 = (max(1, int(s * (0.7 + 0.6 * next(draw)))) for s in (w, h))
                    found = name if next(draw) < 0.75 else classes[between(0, 3)]
                    detections.append((image, found, x2, y2, w2, h2, next(draw)))
            corner = between(0, 150), between(0, 150)
            detections.append((image, classes[between(0, 3)], *corner, 30, 30, next(draw)))
        return scene(objects, detections, rule)

    return make


def _numbers() -> Iterator[float]:
    """Yield numbers in [0, 1) that are the same in all versions of all packages."""
    state = 1
    while True:
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        yield (state >> 11) / 2**53
