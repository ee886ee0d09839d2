"""Run a classifier on its test set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmresnet.errors import UserError
from mmresnet.visualization.predictions import Prediction, Predictions

if TYPE_CHECKING:
    import numpy as np
    import torch
    from mmengine.config import Config
    from mmengine.model import BaseModel


def predict(
    config: str | Config,
    checkpoint: str,
    count: int = 40,
    cfg_options: dict[str, object] | None = None,
    device: str = "auto",
) -> Predictions:
    """Classify the test set of ``config`` and return ``count`` of its images.

    Misclassified images come first, sorted by descending confidence, then correct ones, evenly
    spaced over the test set and in its order.

    Raises:
        UserError: A mistake in the config or data, or a checkpoint of another model.
    """
    if count < 1:
        raise UserError(f"count must be at least 1, not {count}.")
    import torch
    from mmengine.runner import Runner

    from mmresnet.config.preflight.image_folders import check_image_folders
    from mmresnet.config.preflight.initial_weights import check_exists
    from mmresnet.engine.assembly import building, choose_device, load_model, prepare_run
    from mmresnet.weights.checkpoint import read

    check_exists(checkpoint)
    cfg = prepare_run(config, cfg_options=cfg_options, device=choose_device(device))
    check_image_folders(cfg, ("test_dataloader",))
    model: BaseModel = load_model(cfg, read(checkpoint), device)
    if not hasattr(model, "head"):
        raise UserError(f"The model must be a classifier, and is a {type(model).__name__}.")
    with building(cfg):
        loader = Runner.build_dataloader(cfg.test_dataloader, seed=0)

    is_bgr = model.data_preprocessor.to_rgb
    total = len(loader.dataset)
    shown_if_correct = {round(i * total / count) for i in range(count)}
    wrong: list[Prediction] = []
    correct: list[Prediction] = []
    num_correct = seen = 0
    for batch in loader:
        with torch.inference_mode():
            samples = model.test_step(batch)
        for image, sample in zip(batch["inputs"], samples, strict=True):
            score, label = sample.pred_score.cpu().max(0)
            true = int(sample.gt_label[0])
            num_correct += int(label) == true
            if int(label) != true or seen in shown_if_correct:
                one = Prediction(_to_rgb(image, is_bgr), true, int(label), float(score))
                (correct if one.correct else wrong).append(one)
            seen += 1
        # keep no more images in memory than are returned
        wrong = sorted(wrong, key=lambda one: -one.confidence)[:count]
    classes = loader.dataset.metainfo.get("classes") or range(cfg.model.head.num_classes)
    return Predictions((wrong + correct)[:count], num_correct, seen, list(map(str, classes)))


def _to_rgb(image: torch.Tensor, is_bgr: bool) -> np.ndarray:
    """Turn (C, H, W), as the test pipeline returns it, into (H, W, 3) uint8 in RGB."""
    picture = image.numpy().transpose(1, 2, 0)
    if picture.shape[2] == 1:
        picture = picture.repeat(3, axis=2)
    return (picture[..., ::-1] if is_bgr else picture).clip(0, 255).astype("uint8")
