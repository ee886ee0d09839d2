"""A picture of what a classifier says about images of its test set, its mistakes first."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmresnet.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from mmengine.config import Config

GREEN, RED = "#1a7f4b", "#c62828"


@dataclass
class Prediction:
    """One image of the test set, (H, W, 3) uint8 in RGB, and what the model says about it."""

    image: np.ndarray
    true: int
    predicted: int
    confidence: float  # probability that the model gives to ``predicted``

    @property
    def is_wrong(self) -> bool:
        return self.predicted != self.true


@dataclass
class Predictions:
    """The images chosen for a picture, and how the whole test set went."""

    shown: list[Prediction]
    wrong: int
    total: int
    classes: list[str]


def predict(
    config: str | Config,
    checkpoint: str,
    count: int = 40,
    cfg_options: dict[str, object] | None = None,
    device: str = "auto",
) -> Predictions:
    """Classify the test set of ``config`` and return ``count`` of its images.

    The wrong ones come first, the most confident before the others, and then right ones,
    evenly spaced over the test set, in its order.

    Raises:
        UserError: a mistake in the configuration or data, or a checkpoint of another model.
    """
    if count < 1:
        raise UserError(f"A picture shows at least 1 image, not {count}.")
    from mmengine.runner import Runner

    from mmresnet.config.preflight import check
    from mmresnet.engine.loading import load_model, parts_of
    from mmresnet.engine.training import prepare

    cfg = prepare(config, None, cfg_options, "none", device)
    check.check_data(cfg, ("test_dataloader",))
    model = load_model(cfg, checkpoint, device)
    if not hasattr(model, "head"):
        raise UserError(f"{type(model).__name__} is no classifier; predictions need one.")
    with check.explain_mistakes(cfg), parts_of(cfg):
        loader = Runner.build_dataloader(cfg.test_dataloader, seed=0)

    reverse = model.data_preprocessor.to_rgb  # then what comes is BGR
    total = len(loader.dataset)
    keep_right = {round(i * total / count) for i in range(count)}
    wrong, right, mistakes, seen = [], [], 0, 0
    for batch in loader:
        for image, sample in zip(batch["inputs"], _run(model, batch), strict=True):
            score, label = sample.pred_score.max(0)
            true = int(sample.gt_label[0])
            if int(label) != true or seen in keep_right:
                one = Prediction(_to_picture(image, reverse), true, int(label), float(score))
                (wrong if one.is_wrong else right).append(one)
                mistakes += one.is_wrong
            seen += 1
        # no more images are kept in memory than the picture shows
        wrong = sorted(wrong, key=lambda one: -one.confidence)[:count]
    classes = loader.dataset.metainfo.get("classes") or range(cfg.model.head.num_classes)
    return Predictions((wrong + right)[:count], mistakes, seen, [str(name) for name in classes])


def _run(model: torch.nn.Module, batch: dict) -> list:
    import torch

    with torch.inference_mode():
        return [sample.cpu() for sample in model.test_step(batch)]


def _to_picture(image: torch.Tensor, reverse: bool) -> np.ndarray:
    """Turn (C, H, W) as the pipeline hands it over into (H, W, 3) uint8 in RGB."""
    picture = image.numpy().transpose(1, 2, 0)
    if picture.shape[2] == 1:
        picture = picture.repeat(3, axis=2)
    return (picture[..., ::-1] if reverse else picture).clip(0, 255).astype("uint8")


def plot_predictions(predictions: Predictions, path: str | os.PathLike) -> None:
    """Draw the images with their labels to ``path``; the wrong ones are framed in red."""
    from mmresnet.visualization.figure import new_figure, save

    count = len(predictions.shown)
    columns = min(count, 10)
    rows = math.ceil(count / columns)
    figure = new_figure(1.35 * columns, 1.62 * rows + 0.7)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, one in zip(grid, predictions.shown, strict=False):
        axes.imshow(one.image, interpolation="nearest")
        colour = RED if one.is_wrong else GREEN
        name = predictions.classes[one.predicted]
        text = f"{_short(name)} ({one.confidence:.0%})"
        if one.is_wrong:
            text = f"says {text}\nis {_short(predictions.classes[one.true])}"
        axes.set_title(text, color=colour, fontsize=9, pad=4)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color(colour)
            spine.set_linewidth(3 if one.is_wrong else 1)
    for axes in grid[count:]:
        axes.set_visible(False)
    right = predictions.total - predictions.wrong
    drawn = sum(one.is_wrong for one in predictions.shown)
    note = "the wrong ones first" if drawn == predictions.wrong else "only wrong ones are shown"
    figure.suptitle(
        f"{right:,} of {predictions.total:,} images right "
        f"({right / predictions.total:.2%}); {note if predictions.wrong else 'none is wrong'}",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    save(figure, path)


def _short(name: str) -> str:
    return name if len(name) <= 12 else name[:11] + "…"
