"""A model's results for an image as plain values: the same in Python and in ``results.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import NotRequired


class Label(TypedDict):
    """A class and its score in [0, 1]."""

    class_id: int
    name: str
    score: float


class Mask(TypedDict):
    """An object's pixels in COCO's run-length encoding; ``size`` is [height, width]."""

    size: list[int]
    counts: str


class Object(Label):
    """An object in an image. ``box`` is [x1, y1, x2, y2] in pixels of the original image."""

    box: list[float]
    mask: NotRequired[Mask]


class Result(TypedDict):
    """The results for one image or one frame of a video.

    ``path`` is None for an array. A classifier gives ``labels`` and a detector ``objects``, each
    sorted by descending score. A frame has ``frame`` (from 0) and ``time`` (in seconds).
    ``picture`` is the path of the written picture, relative to the output folder.
    """

    path: str | None
    width: int
    height: int
    frame: NotRequired[int]
    time: NotRequired[float]
    labels: NotRequired[list[Label]]
    objects: NotRequired[list[Object]]
    picture: NotRequired[str]


def encode_mask(mask: np.ndarray) -> Mask:
    """Encode an (H, W) bool mask as COCO does; ``pycocotools.mask.decode`` reads the result."""
    import numpy as np
    from pycocotools import mask as coco

    encoded = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode()}


def decode_mask(mask: Mask) -> np.ndarray:
    """Return the (H, W) bool mask that :func:`encode_mask` encoded."""
    from pycocotools import mask as coco

    return coco.decode({**mask, "counts": mask["counts"].encode()}).astype(bool)
