"""The end of a detector's run.py, and how it draws masks."""

from __future__ import annotations

import inspect
import re

import numpy as np

MASK_THRESHOLD = 0.5

_TYPES = re.compile(r": np\.ndarray|: float|: int|: tuple\[.*?\]| -> np\.ndarray")

_MAIN = """
def main(paths, least=0.3):
    classes = json.loads((FOLDER / "report.json").read_text("utf-8"))["classes"]
    predict = load()
    for path in paths:
        image, picture = prepare(path), cv2.imread(path)
        boxes, scores, labels, *masks = predict(image[None])
        factors = np.array(picture.shape[1::-1]) / image.shape[1::-1]  # to pixels of the file
        boxes = boxes * [*factors, *factors]
        for number in np.flatnonzero(scores >= least):
            x1, y1, x2, y2 = boxes[number].round().astype(int).tolist()
            print(f"{path}: {classes[labels[number]]} {scores[number]:.3f} at {x1} {y1} {x2} {y2}")
            cv2.rectangle(picture, (x1, y1), (x2, y2), (0, 0, 255), 2)
            if masks:
                picture[paste(masks[0][number], boxes[number], picture.shape)] //= 2
        cv2.imwrite(f"{Path(path).stem}_detections.png", picture)
"""


def paste(mask: np.ndarray, box: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixels of an image a mask covers: a grid of probabilities over its box."""
    x1, y1, x2, y2 = box
    down = bilinear(y1, y2, mask.shape[0], shape[0])
    across = bilinear(x1, x2, mask.shape[1], shape[1])
    return down @ mask @ across.T >= 0.5


def bilinear(low: float, high: float, cells: int, pixels: int) -> np.ndarray:
    """Return the weight of each cell from low to high in each pixel, (pixels, cells)."""
    place = (np.arange(pixels) + 0.5 - low) / (high - low) * cells - 0.5
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells)))


def main_source(with_masks: bool) -> str:
    """Return ``main(paths)`` of run.py and, for Mask R-CNN, what it pastes masks with."""
    if not with_masks:
        lines = _MAIN.replace(", *masks", "").splitlines()
        return "\n".join(line for line in lines if "masks" not in line and "paste(" not in line)
    functions = "\n\n".join(inspect.getsource(one) for one in (paste, bilinear))
    return f"{_TYPES.sub('', functions)}\n{_MAIN}"
