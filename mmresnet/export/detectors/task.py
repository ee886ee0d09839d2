"""Detectors: from an image to boxes, compared with the model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from mmdet.structures import DetDataSample
from torch import nn

from mmresnet.config.classes import class_names
from mmresnet.export.detectors.comparison import Comparison, Truth
from mmresnet.export.detectors.matching import Found
from mmresnet.export.detectors.runner import main_source, paste
from mmresnet.export.detectors.supported import detector_class
from mmresnet.export.parity import Parity, Tolerance
from mmresnet.export.preparation import dataset_settings, prepare_like
from mmresnet.export.samples import Samples
from mmresnet.export.task import Predict
from mmresnet.export.wrappers import folded_copy

if TYPE_CHECKING:
    from mmengine.config import Config

_OBJECTS = 300
_LARGEST = 1333  # pixels of a side of the image with so many objects


class DetectorTask:
    """mmdet's detectors; see :class:`mmresnet.export.task.Task`.

    Raises:
        UserError: The detector has a part that cannot be exported.
    """

    kind, purpose = "detector", "Detect objects"

    def __init__(self, cfg: Config, checkpoint: dict[str, Any], model: nn.Module) -> None:
        kind = detector_class(model)
        self.preparation = prepare_like(cfg)
        self.classes = class_names(dataset_settings(cfg), checkpoint)
        self.module = kind(folded_copy(model), self.preparation.loads_rgb).eval()
        self.main = main_source("masks" in self.module.output_names)
        self._model: Any = model
        self._settings = self.module.settings
        self.notes = {"test_cfg": dict(self._settings)}

    def verify(
        self,
        predict: Predict,
        samples: Samples,
        shape: Sequence[int | None],
        tolerance: Tolerance,
    ) -> Parity:
        """Compare the boxes in all samples, and in images of several sizes, empty and crowded."""
        comparison = Comparison(tolerance, self._settings)
        parity = Parity({"images": len(samples.images), "source": samples.source})
        ours, theirs = [], []
        for image in samples.images:
            ours.append(self._found(image))
            theirs.append(_as_found(image, predict))
            comparison.add(image, ours[-1], theirs[-1])
        parity.figures["cases"] = [
            {"case": name, "size": image.shape[:2]}
            | comparison.add(image, self._found(image), _as_found(image, predict))
            for name, image in _cases(samples, [len(one.scores) for one in ours])
            if None in shape[1:3] or image.shape == samples.images[0].shape
        ]
        comparison.conclude(parity)
        model, file = (self._precision(samples, found) for found in (ours, theirs))
        if model is not None and file is not None:
            parity.figures.update(average_precision=file, average_precision_of_model=model)
            parity.summary += f"; AP {file:.2f} %, the model {model:.2f} %"
            problem = f"the AP is {file:.2f} %, and the model's {model:.2f} %"
            parity.check("average_precision_loss", model - file, tolerance.accuracy, problem)
        return parity

    def accuracy(self, predict: Predict, samples: Samples) -> float | None:
        """Return COCO's AP of a written file in percent; None where the objects are unknown."""
        return self._precision(samples, [_as_found(image, predict) for image in samples.images])

    def _precision(self, samples: Samples, found: Sequence[Found]) -> float | None:
        truth = Truth(len(self.classes))
        if not all(truth.add(sample) for sample in samples.data) or not truth.annotations:
            return None
        factors = [np.tile(sample.metainfo.get("scale_factor", 1), 2) for sample in samples.data]
        return truth.average_precision(found, factors)

    def _found(self, image: np.ndarray) -> Found:
        """Return the detections of the model itself, by its own preprocessing."""
        pixels = image[..., ::-1] if self.preparation.loads_rgb else image
        tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        size = image.shape[:2]
        meta = {"img_shape": size, "ori_shape": size, "scale_factor": (1.0, 1.0)}
        sample = DetDataSample(metainfo=meta)
        with torch.inference_mode():
            (sample,) = self._model.test_step({"inputs": [tensor], "data_samples": [sample]})
        found = sample.pred_instances.numpy()
        return Found(found.bboxes, found.scores, found.labels, found.get("masks"))


def _as_found(image: np.ndarray, predict: Predict) -> Found:
    """Return the detections of a written file."""
    boxes, scores, labels, *masks = predict(image[None])
    if not masks:
        return Found(boxes, scores, labels)
    pasted = [paste(mask, box, image.shape) for mask, box in zip(masks[0], boxes, strict=True)]
    return Found(boxes, scores, labels, np.array(pasted, bool).reshape(-1, *image.shape[:2]))


def _cases(samples: Samples, boxes: Sequence[int]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield an image at three sizes, one without objects and one with many.

    Args:
        boxes: The number of detections in each image.
    """
    objects = [_count(sample, found) for sample, found in zip(samples.data, boxes, strict=True)]
    most = int(np.argmax(objects))
    image = samples.images[most]
    height, width = image.shape[:2]
    yield "as prepared", image
    yield "lower", cv2.resize(image, (width, height * 3 // 4))
    yield "wider", cv2.resize(image, (width * 5 // 4, height + 9))
    # With noise: where pixels repeat, anchors have the same score, and which is best is chance.
    generator = np.random.default_rng(0)
    yield "without objects", generator.integers(112, 144, image.shape, dtype=np.uint8)
    across = math.ceil(math.sqrt(_OBJECTS / max(objects[most], 1)))
    scale = min(1, _LARGEST / across / max(height, width))
    tiles = np.tile(cv2.resize(image, None, fx=scale, fy=scale), (across, across, 1))
    noisy = tiles + generator.integers(-8, 9, tiles.shape)
    yield f"{across**2 * objects[most]} objects", noisy.clip(0, 255).astype(np.uint8)


def _count(sample: Any, found: int) -> int:
    """Return the number of objects in an image: as annotated, if it is known."""
    truth = {} if sample is None else sample.get("gt_instances", {})
    return len(truth) if "bboxes" in truth else found
