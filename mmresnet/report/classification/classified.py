"""The last evaluation of a classifier, as its sections need it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmresnet.datasets.class_scores import ClassScores
from mmresnet.errors import UserError
from mmresnet.evaluation.diagnosis.temperature import scale
from mmresnet.report.images import Images
from mmresnet.report.run import SPLITS, Run
from mmresnet.weights.temperature import temperature_of

SCRIPT = "classification.js"


def read(run: Run) -> ClassScores | None:
    """Return the scores of the test if there was one, else those of the validation."""
    found = (run.classification(split) for split in SPLITS)
    return next((one for one in found if one is not None), None)


def small(score: float) -> str:
    """Return a score with three digits."""
    return f"{score:.3f}" if score >= 0.0005 else "below 0.001"


class Classified:
    """Scores with labels, and the pictures of the images.

    Attributes:
        scores: (N, C), as the net gave them.
        labels: (N,).
        predicted: The classes with the highest scores, (N,).
        classes: The C names.
        names: The N names of the images.
    """

    def __init__(self, run: Run, images: Images, found: ClassScores) -> None:
        assert found.labels is not None, "sections are made of sets with labels"
        self.run, self._images, self._paths, self._test = run, images, found.paths, found.test
        self.scores, self.labels = found.scores, found.labels
        self.classes, self.names = found.classes, found.images
        self.predicted = found.scores.argmax(axis=1)
        self.split = next(one for one in SPLITS if run.classification(one) is not None)
        self.set = "test set" if self.split == "test" else "validation set"

    @cached_property
    def wrong(self) -> np.ndarray:
        """Whether each image is misclassified, (N,) bool."""
        return self.predicted != self.labels

    @cached_property
    def weights(self) -> Path | None:
        """The file of the weights that gave these scores, if it is known and exists."""
        if "checkpoint" in self._test:
            path = Path(self._test["checkpoint"])
            return path if path.is_file() else None
        ends = (f"epoch_{self._test.get('epoch')}.pth", f"iter_{self._test.get('iteration')}.pth")
        found = [path for path in self.run.folder.glob("*.pth") if path.name.endswith(ends)]
        return max(found, key=lambda path: path.stat().st_mtime, default=None)

    @property
    def moment(self) -> str:
        """When the net gave these scores, as " after epoch 3"; empty for a test."""
        for name in ("epoch", "iteration"):
            if name in self._test:
                return f" after {name} {self._test[name]:,}"
        return ""

    @cached_property
    def temperature(self) -> float | None:
        """What ``mmresnet calibrate`` has stored with these weights."""
        from mmresnet.weights.formats.files import read_weights

        if self.weights is None:
            return None
        try:
            return temperature_of(read_weights(self.weights, "meta"))
        except (UserError, OSError):
            return None

    @cached_property
    def reported(self) -> np.ndarray:
        """The scores as ``Inferencer`` gives them: calibrated if a temperature is stored."""
        return self.scores if self.temperature is None else scale(self.scores, self.temperature)

    def file(self, index: int) -> Path | np.ndarray | None:
        """Return an image of the set: its file, or its pixels if it has none."""
        if self._paths is not None:
            return self._paths[index]
        pixels = None if self._dataset is None else self._dataset.get_data_info(index).get("img")
        return pixels if isinstance(pixels, np.ndarray) else None

    @cached_property
    def _dataset(self) -> Any:
        """The data set of images that have no files, None if it cannot be built."""
        try:
            return self.run.dataset(self.split)
        except (UserError, ImportError, OSError):
            return None

    def picture(self, image: Path | np.ndarray | None, side: int = 96) -> int | None:
        """Return the index of a picture in the page, whose longer side has so many pixels."""
        return None if image is None else self._images.add(image, side=side)

    def item(self, index: int, *lines: str) -> dict[str, Any]:
        """Return an image for a gallery: what it is, what it is taken for, further lines."""
        true, other = (self.classes[one[index]] for one in (self.labels, self.predicted))
        score = self.scores[index, self.predicted[index]]
        return {
            "picture": self.picture(self.file(index)),
            "title": true if true == other else f"{true} → {other}",
            "lines": [f"score {score:.3f}", *lines, self.names[index]],
            "tags": {"true class": true, "predicted": other},
        }
