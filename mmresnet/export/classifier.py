"""Classifiers: from images to class scores."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from mmresnet.config.classes import class_names
from mmresnet.errors import UserError
from mmresnet.export.parity import Parity, Tolerance
from mmresnet.export.preparation import dataset_settings, prepare_like
from mmresnet.export.samples import Samples
from mmresnet.export.task import Predict
from mmresnet.export.wrappers import Exportable, Normalize, folded_copy
from mmresnet.weights.temperature import temperature_of

if TYPE_CHECKING:
    from mmengine.config import Config

_BATCH = 16
_MAIN = """
def main(paths):
    classes = json.loads((FOLDER / "report.json").read_text("utf-8"))["classes"]
    predict = load()
    for path in paths:
        scores = predict(prepare(path)[None])[0][0]
        best = scores.argmax()
        print(f"{path}: {classes[best]} {scores[best]:.3f}")
"""


class ExportableClassifier(Exportable):
    """Images to ``scores``, (N, C) float32.

    Args:
        model: A classifier with folded norm layers.
        temperature: What the logits are divided by, of a calibrated model.
    """

    output_names = ("scores",)
    dynamic = (0, 1, 2)

    def __init__(
        self, model: nn.Module, normalize: Normalize, size: tuple[int, int], temperature: float
    ) -> None:
        super().__init__()
        self.normalize, self.model = normalize, model
        self.temperature = temperature
        self.is_multi_label = is_multi_label(model)
        self.example = (2, *size, 3)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Return the scores of images (N, H, W, 3)."""
        model: Any = self.model
        logits = model.head(model.extract_feat(self.normalize(images))) / self.temperature
        return (logits.sigmoid() if self.is_multi_label else logits.softmax(1),)


class ClassifierTask:
    """mmpretrain's ``ImageClassifier``; see :class:`mmresnet.export.task.Task`."""

    kind, purpose, main = "classifier", "Classify images", _MAIN

    def __init__(self, cfg: Config, checkpoint: dict[str, Any], model: nn.Module) -> None:
        if getattr(model, "head", None) is None or not hasattr(model, "extract_feat"):
            raise UserError(
                f"The model {type(model).__name__} gives no class scores: export takes an "
                "ImageClassifier with a head, or a detector."
            )
        self._model: Any = model
        self.preparation = prepare_like(cfg)
        self.classes = class_names(dataset_settings(cfg), checkpoint)
        self._temperature = temperature_of(checkpoint) or 1.0
        preprocessor = model.data_preprocessor
        if getattr(preprocessor, "pad_size_divisor", 1) > 1:
            raise UserError("data_preprocessor.pad_size_divisor must be 1 for an export.")
        self.module = ExportableClassifier(
            folded_copy(model),
            Normalize.like(preprocessor, self.preparation.loads_rgb),
            self.preparation.size or (224, 224),
            self._temperature,
        ).eval()
        self.notes = {
            "temperature": self._temperature,
            "scores": "sigmoid" if self.module.is_multi_label else "softmax",
        }

    def verify(
        self,
        predict: Predict,
        samples: Samples,
        shape: Sequence[int | None],
        tolerance: Tolerance,
    ) -> Parity:
        """Compare scores on all samples, then on batches of 1 and 7 at several sizes."""
        ours = np.concatenate([self._scores(batch) for batch in _batches(samples.images)])
        theirs = np.concatenate([predict(batch)[0] for batch in _batches(samples.images)])
        parity = Parity({"images": len(ours), "source": samples.source})
        agreeing = int((ours.argmax(1) == theirs.argmax(1)).sum())
        parity.check(
            "disagreement",
            1 - agreeing / len(ours),
            1 - tolerance.agreement,
            f"the best class is the same for {agreeing} of {len(ours)} images",
        )
        cases: list[dict[str, Any]] = [{"images": len(ours), **_differences(ours, theirs)}]
        batches = list(_cases(samples.images, shape))
        for images in batches:
            difference = _differences(self._scores(images), predict(images)[0])
            cases.append({"batch": len(images), "size": images.shape[1:3], **difference})
        worst = int(np.argmax([np.nan_to_num(case["relative"], nan=np.inf) for case in cases]))
        largest = cases[worst]
        parity.images = batches[worst - 1] if worst else None
        parity.figures["largest_difference"] = max(case["difference"] for case in cases)
        parity.check(
            "relative_difference",
            largest["relative"],
            tolerance.difference,
            f"scores differ by up to {largest['relative']:.2g} of an image's highest score "
            f"({tolerance.difference} is allowed)",
        )
        parity.figures["cases"] = cases
        parity.summary = f"the same best class for {agreeing} of {len(ours)} images, scores differ "
        parity.summary += f"by at most {parity.figures['largest_difference']:.1g}"
        self._check_accuracy(parity, samples, ours, theirs, tolerance)
        return parity

    def _check_accuracy(
        self,
        parity: Parity,
        samples: Samples,
        ours: np.ndarray,
        theirs: np.ndarray,
        tolerance: Tolerance,
    ) -> None:
        model, file = (self._top1(scores, samples) for scores in (ours, theirs))
        if model is None or file is None:
            return
        parity.figures.update(accuracy=file, accuracy_of_model=model)
        parity.summary += f"; top-1 {file:.2f} %, the model {model:.2f} %"
        parity.check(
            "accuracy_loss",
            model - file,
            tolerance.accuracy,
            f"top-1 is {file:.2f} %, and the model's {model:.2f} %",
        )

    def accuracy(self, predict: Predict, samples: Samples) -> float | None:
        """Return top-1 of a written file in percent; None where a label is not known."""
        theirs = np.concatenate([predict(batch)[0] for batch in _batches(samples.images)])
        return self._top1(theirs, samples)

    def _top1(self, scores: np.ndarray, samples: Samples) -> float | None:
        labels = [_label(sample) for sample in samples.data]
        if None in labels or self.module.is_multi_label:
            return None
        return 100 * float((scores.argmax(1) == labels).mean())

    def _scores(self, images: np.ndarray) -> np.ndarray:
        """Return the scores of the model itself, calibrated, by its own preprocessing."""
        pixels = images[..., ::-1] if self.preparation.loads_rgb else images
        inputs = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
        with torch.inference_mode():
            samples = self._model.test_step({"inputs": inputs, "data_samples": None})
        scores = torch.stack([sample.pred_score for sample in samples]).double()
        if self.module.is_multi_label:
            return torch.sigmoid(torch.logit(scores) / self._temperature).numpy()
        return torch.softmax(scores.log() / self._temperature, 1).numpy()


def is_multi_label(model: Any) -> bool:
    """Return whether a classifier's scores are sigmoids, of which several may be high."""
    return hasattr(model.head, "thr")


def _label(sample: Any) -> int | None:
    label = getattr(sample, "gt_label", None)
    return None if label is None or label.numel() != 1 else int(label)


def _batches(images: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the images in order, in batches of one size."""
    for _, group in itertools.groupby(images, key=lambda image: image.shape):
        while batch := list(itertools.islice(group, _BATCH)):
            yield np.stack(batch)


def _cases(images: Sequence[np.ndarray], shape: Sequence[int | None]) -> Iterator[np.ndarray]:
    """Yield batches of 1 and 7 at the recipe's size and, where it may vary, at two others."""
    import cv2

    height, width = images[0].shape[:2]
    sizes = [(height, width)]
    if None in shape[1:3]:
        sizes += [(height * 3 // 2, width), (height + 9, width * 5 // 4)]
    for size in sizes:
        seven = list(itertools.islice(itertools.cycle(images), 7))
        batch = np.stack([cv2.resize(image, size[::-1]) for image in seven])
        yield batch[:1]
        yield batch


def _differences(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Return the largest difference of two scores, and as a part of its image's highest score."""
    difference = np.abs(ours - theirs)
    highest = ours.max(1, keepdims=True)
    return {
        "difference": float(difference.max()),
        "relative": float((difference / highest).max()),
    }
