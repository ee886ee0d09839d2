"""ImageNet DET's mean average precision."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mmresnet.datasets.imagenet_det.classes import CLASSES, NAME_OF
from mmresnet.errors import UserError, UserFileNotFoundError, UserValueError, did_you_mean
from mmresnet.evaluation.detection.average_precision import ilsvrc_thresholds, match_ilsvrc
from mmresnet.evaluation.detection.devkit_metric import DevkitMetric, ImageBoxes, write_lines
from mmresnet.registry import METRICS


@METRICS.register_module()
class ImageNetDETMetric(DevkitMetric):
    """Mean average precision as ILSVRC's development kit defines it (``eval_detection.m``).

    An object of w x h pixels has the threshold min(0.5, w * h / ((w + 10) * (h + 10))), and
    detections are matched with objects that are not matched yet. The file of results is
    ``{outfile_prefix}.txt``, with ``image class score x1 y1 x2 y2`` in each line; image and class
    are numbers.

    Args:
        blacklist: The kit's file of images that are not evaluated for a class, with the number or
            name of an image and a WordNet id in each line.
        image_list: The kit's ``ImageSets/DET/val.txt`` (or ``test.txt``), with name and number of
            an image in each line. Needed for ``outfile_prefix``, and for numbers in ``blacklist``.
        kwargs: Those of :class:`mmresnet.evaluation.detection.devkit_metric.DevkitMetric`.

    Raises:
        UserError: As ``DevkitMetric``, or a file is missing or of another kind.
    """

    default_prefix = "imagenet_det"
    RESULT_FILES = ".txt"

    def __init__(
        self, blacklist: str | None = None, image_list: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__("area", **kwargs)
        if self.outfile_prefix is not None and image_list is None:
            raise UserValueError(
                "outfile_prefix: results name images by numbers: set image_list to "
                "ImageSets/DET/val.txt or test.txt."
            )
        self.numbers = {} if image_list is None else read_image_list(image_list)
        self.blacklist = {} if blacklist is None else read_blacklist(blacklist, self.numbers)

    def _left_out(self, image: ImageBoxes) -> list[int]:
        classes = self.dataset_meta["classes"]
        return [
            classes.index(name) for name in self.blacklist.get(image.name, ()) if name in classes
        ]

    def _match(
        self, image: ImageBoxes, ious: np.ndarray, of_class: np.ndarray
    ) -> tuple[np.ndarray, int]:
        assert image.objects is not None
        thresholds = ilsvrc_thresholds(image.objects[of_class])
        return match_ilsvrc(ious, thresholds), len(thresholds)

    def _write(self, images: list[ImageBoxes], classes: list[str]) -> Iterator[str]:
        path = f"{self.outfile_prefix}.txt"
        write_lines(path, self._lines(images, classes))
        yield path

    def _lines(self, images: list[ImageBoxes], classes: Sequence[str]) -> Iterator[str]:
        """Yield a line for each detection; pixels are counted from 0, the last included."""
        if other := [name for name in classes if name not in CLASSES]:
            raise UserError(
                f"outfile_prefix: '{other[0]}' is none of DET's 200 classes, which have numbers."
                f"{did_you_mean(other[0], CLASSES)}"
            )
        numbers = [CLASSES.index(name) + 1 for name in classes]
        for image in images:
            if image.name not in self.numbers:
                raise UserError(f"image_list has no image '{image.name}': give that of this set.")
            for label, score, box in zip(image.labels, image.scores, image.boxes, strict=True):
                x1, y1, x2, y2 = box.tolist()
                where = f"{x1:.3f} {y1:.3f} {x2 - 1:.3f} {y2 - 1:.3f}"
                yield f"{self.numbers[image.name]} {numbers[int(label)]} {score:.6f} {where}"


def read_image_list(path: str | os.PathLike[str]) -> dict[str, int]:
    """Return the number of each image, as ``ImageSets/DET/val.txt`` gives it.

    Raises:
        UserError: The file is missing, or has no numbers.
    """
    found = {}
    for line in _words(path, "image_list"):
        if len(line) != 2 or not line[1].isdigit():
            raise UserError(
                f"image_list: '{path}' has the line '{' '.join(line)}', not the name and number of "
                "an image: give ImageSets/DET/val.txt or test.txt."
            )
        found[line[0]] = int(line[1])
    return found


def read_blacklist(path: str | os.PathLike[str], numbers: dict[str, int]) -> dict[str, set[str]]:
    """Return the names of the classes that are not evaluated, by the name of the image.

    Args:
        numbers: The number of each image; empty if it is not known.

    Raises:
        UserError: The file is missing, or it has a class or a number that is not known.
    """
    names = {str(number): name for name, number in numbers.items()}
    found: dict[str, set[str]] = {}
    for line in _words(path, "blacklist"):
        if len(line) != 2:
            raise UserError(
                f"blacklist: '{path}' has the line '{' '.join(line)}', not an image and a class."
            )
        image, name = line
        if name not in NAME_OF:
            raise UserError(
                f"blacklist: '{path}' has the class '{name}', which is no WordNet id of DET."
                f"{did_you_mean(name, NAME_OF)}"
            )
        if image.isdigit() and image not in names:
            raise UserError(
                f"blacklist: '{path}' has the image number {image}: set image_list to the "
                "ImageSets/DET/val.txt that has its name."
            )
        found.setdefault(names.get(image, image), set()).add(NAME_OF[name])
    return found


def _words(path: str | os.PathLike[str], keyword: str) -> list[list[str]]:
    try:
        with open(path, encoding="utf-8") as file:
            return [line.split() for line in file if line.strip()]
    except OSError as error:
        raise UserFileNotFoundError(
            f"{keyword}: '{path}' cannot be read ({error.strerror}): give the file of ILSVRC's "
            "development kit."
        ) from error
