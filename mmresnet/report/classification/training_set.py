"""The images that a run was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmresnet.errors import UserError
from mmresnet.evaluation.diagnosis.near_duplicates import Picture
from mmresnet.report.run import Run


@dataclass(frozen=True)
class TrainingSet:
    """Images with their labels.

    Attributes:
        pictures: M files, or pixels in RGB.
        labels: (M,); None where images have none, or several.
    """

    pictures: list[Picture]
    labels: np.ndarray | None

    def name(self, index: int, classes: list[str]) -> str | None:
        """Return the class of an image, None if it is not known."""
        if self.labels is None or not 0 <= self.labels[index] < len(classes):
            return None
        return classes[self.labels[index]]

    def file_name(self, index: int) -> str:
        """Return the last two parts of an image's path, or its index if it has none."""
        picture = self.pictures[index]
        if isinstance(picture, np.ndarray):
            return f"training image {index}"
        return "/".join(Path(picture).parts[-2:])


def read_training_set(run: Run) -> TrainingSet:
    """Return the images of the run's config, each once.

    Raises:
        UserError: The config has no training set, or it cannot be built.
        ImportError: A package that it needs is not installed.
    """
    from mmresnet.datasets.check import parts_of

    images = [one for part in parts_of(run.dataset("train")) for one in _images(part)]
    found = {key: (picture, label) for key, picture, label in images}
    pictures = [picture for picture, _ in found.values()]
    labels = [label for _, label in found.values()]
    if not pictures:
        raise UserError("its data set does not say where its images are.")
    return TrainingSet(pictures, None if None in labels else np.array(labels))


def _images(dataset: Any) -> Iterator[tuple[Any, Picture, int | None]]:
    """Yield something that identifies an image, the image, and its label."""
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        label = info.get("gt_label")
        label = int(label) if isinstance(label, (int, np.integer)) else None
        if "img_path" in info:
            yield info["img_path"], info["img_path"], label
        elif isinstance(info.get("img"), np.ndarray):
            yield (id(dataset), index), info["img"], label
