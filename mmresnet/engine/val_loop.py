"""Validation that also computes the loss."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner, autocast
from mmengine.runner import ValLoop as EngineValLoop
from torch.utils.data import DataLoader

from mmresnet.engine.random_state import fork_rng
from mmresnet.errors import UserError
from mmresnet.registry import LOOPS

# Steps of mmdet's pipelines that may precede the loading of boxes: they move a box by nothing but
# ``scale_factor``.
_FOLLOWED = ("LoadImage", "Resize", "FixShapeResize", "Pad")


@LOOPS.register_module()
class ValLoop(EngineValLoop):
    """mmengine's validation loop, which can compute the loss beside the metrics.

    ``val_cfg=dict(type='mmresnet.ValLoop', loss=True)`` logs ``val/loss`` and its parts: means
    over the images, of the net in evaluation mode. A detector that samples boxes for its loss
    samples the same ones in every epoch, and the random numbers of the training are unaffected.
    The loss takes a second forward pass, so validation takes about twice the time.

    Args:
        fp16: compute in 16 bits.
        loss: compute the loss. The pipeline must load annotations. Where it does so after
            resizing, as mmdet's do, the boxes are those of the original image and are scaled to
            the resized one for the loss.

    Raises:
        UserError: with ``loss``, the pipeline of a detector loads no annotations, or loads them
            after a step that may move boxes in other ways than by resizing.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader[Any] | dict[str, Any],
        evaluator: Evaluator | dict[str, Any] | list[Any],
        fp16: bool = False,
        loss: bool = False,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        self.loss = loss
        self._scale_boxes = loss and loads_boxes_after_resizing(self.dataloader.dataset)
        self._batches: list[tuple[dict[str, float], int]] = []  # their losses, and their images

    def run(self) -> dict[str, float]:
        """Return the metrics, and with ``loss`` the losses as ``val/loss`` …"""
        if not self.loss:
            return super().run()
        self._batches = []
        self.runner.call_hook("before_val")
        self.runner.call_hook("before_val_epoch")
        self.runner.model.eval()
        for index, batch in enumerate(self.dataloader):
            self.run_iter(index, batch)
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        metrics.update(self._mean_losses())
        self.runner.call_hook("after_val_epoch", metrics=metrics)
        self.runner.call_hook("after_val")
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Predict a batch for the metrics, and with ``loss`` add up its loss."""
        if not self.loss:
            super().run_iter(idx, data_batch)
            return
        model = self.runner.model
        model = model.module if is_model_wrapper(model) else model
        self.runner.call_hook("before_val_iter", batch_idx=idx, data_batch=data_batch)
        with autocast(enabled=self.fp16):
            outputs = self.runner.model.val_step(data_batch)
        cut = getattr(self.runner.model, "of_shards", None)
        for batch in cut(data_batch) if cut else [data_batch]:
            self._add_losses(model, batch)
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(
            "after_val_iter", batch_idx=idx, data_batch=data_batch, outputs=outputs
        )

    def _add_losses(self, model: BaseModel, batch: dict[str, Any]) -> None:
        number = len(self._batches) * get_world_size() + get_rank()
        with autocast(enabled=self.fp16):
            data = model.data_preprocessor(batch, False)
            if self._scale_boxes:
                for sample in data["data_samples"]:
                    scale_boxes(sample)
            with fork_rng(number):
                losses = model(**data, mode="loss")
        logged = model.parse_losses(losses)[1].items()
        values = {name: float(value) for name, value in logged}
        self._batches.append((values, len(data["data_samples"])))

    def _mean_losses(self) -> dict[str, float]:
        # in the order of the images: with logical shards it is the same for any number of processes
        in_turn = itertools.zip_longest(*all_gather_object(self._batches))
        batches = [one for of_processes in in_turn for one in of_processes if one is not None]
        images = sum(count for _, count in batches)
        names = dict.fromkeys(name for values, _ in batches for name in values)
        return {
            f"val/{n}": sum(values.get(n, 0.0) * count for values, count in batches) / images
            for n in names
        }


def loads_boxes_after_resizing(dataset: object) -> bool:
    """Return whether boxes of a detection set are the original image's; False for other sets.

    Raises:
        UserError: the pipeline packs for a detector and loads no annotations, or does so after a
            step that may move boxes otherwise than resizing.
    """
    while not hasattr(dataset, "pipeline"):
        inner = getattr(dataset, "dataset", None) or getattr(dataset, "datasets", [None])[0]
        if inner is None:
            return False
        dataset = inner
    steps = [type(step).__name__ for step in getattr(dataset.pipeline, "transforms", [])]
    if "PackDetInputs" not in steps:
        return False
    loading = next((i for i, name in enumerate(steps) if name.startswith("LoadAnnotations")), None)
    if loading is None:
        raise UserError(
            "val_cfg.loss: the validation pipeline loads no annotations; add "
            "dict(type='LoadAnnotations', with_bbox=True) after LoadImageFromFile."
        )
    before = steps[:loading]
    for name in before:
        if not name.startswith(_FOLLOWED):
            raise UserError(
                f"val_cfg.loss: the validation pipeline loads annotations after {name}, whose "
                "effect on boxes is not followed: put LoadAnnotations after LoadImageFromFile."
            )
    return any("Resize" in name for name in before)


def scale_boxes(sample: Any) -> None:
    """Scale the true boxes and masks of a detection sample from the original to the fed image."""
    width, height = sample.scale_factor
    for name in ("gt_instances", "ignored_instances"):
        instances = sample.get(name)
        if instances is None:
            continue
        if "bboxes" in instances:
            boxes = instances.bboxes
            if hasattr(boxes, "rescale_"):  # one of mmdet's kinds of boxes
                instances.bboxes = boxes.clone()
                instances.bboxes.rescale_((width, height))
            else:
                instances.bboxes = boxes * boxes.new_tensor([width, height, width, height])
        if "masks" in instances:
            instances.masks = instances.masks.resize(sample.img_shape)
