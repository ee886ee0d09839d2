"""How often a training would wait for a GPU."""

import functools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.structures import DataSample
from simulated_gpu import DEVICE, Waits, simulated_gpu
from torch import nn

from mmresnet import compat
from mmresnet.engine.assembly import build_model, import_packages, prepare_run
from mmresnet.engine.prefetch import sending_for, to_device
from mmresnet.engine.runner import Runner
from mmresnet.registry import OPTIM_WRAPPERS

RECIPE = "resnet50_8xb32_in1k"
SMALL = {
    "num_classes": 3,
    "model.backbone.depth": 18,
    "model.backbone.stem_channels": 8,
    "model.backbone.base_channels": 8,
    "model.head.in_channels": 64,
}


def step_of(head: str = "LinearClsHead", device: torch.device = DEVICE) -> tuple[nn.Module, Any]:
    cfg = prepare_run(RECIPE, cfg_options=SMALL)
    cfg.model.head = {"type": f"mmresnet.{head}", "num_classes": 3, "in_channels": 64}
    model = build_model(cfg).train().to(device)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, foreach=False)
    return model, OPTIM_WRAPPERS.build({"type": "OptimWrapper", "optimizer": optimizer})


def batch(labels: list[Any]) -> dict[str, Any]:
    images = torch.randint(0, 256, (len(labels), 3, 64, 64), dtype=torch.uint8)
    return {"inputs": images, "data_samples": [DataSample().set_gt_label(i) for i in labels]}


def files(waits: Waits) -> Counter[str]:
    return Counter(line.partition(":")[0] for line in waits.elements())


@pytest.mark.parametrize(
    ("head", "labels"),
    [("LinearClsHead", [0, 2]), ("MultiLabelLinearClsHead", [[0, 1], [2]])],
)
def test_a_step_of_a_classifier_waits_for_nothing(head: str, labels: list[Any]) -> None:
    with simulated_gpu() as waits:
        model, wrapper = step_of(head)
        for _ in range(2):  # the first step makes the optimizer's state
            copied = to_device(batch(labels), DEVICE)
            waits.clear()
            logged = model.train_step(copied, wrapper)
        assert not waits
        assert logged["loss"].item() > 0


@pytest.mark.gpu
def test_nor_on_a_gpu(device: str) -> None:
    where = torch.device(device)
    model, wrapper = step_of(device=where)
    for mode in ("default", "error"):
        copied = to_device(batch([0, 2]), where)
        if device == "cuda":
            torch.cuda.set_sync_debug_mode(mode)
        try:
            logged = model.train_step(copied, wrapper)
        finally:
            if device == "cuda":
                torch.cuda.set_sync_debug_mode("default")
    assert logged["loss"].item() > 0


def test_a_batch_that_is_not_copied_ahead_is_waited_for() -> None:
    """And so is the check of its labels, which only the device knows."""
    with simulated_gpu() as waits:
        model, wrapper = step_of()
        waits.clear()
        model.train_step(batch([0, 2]), wrapper)
    assert files(waits) == {
        "base_model/data_preprocessor.py": 1,
        "utils/data_preprocessor.py": 1,
        "heads/targets.py": 1,
    }


class KeepWaits(Hook):
    """Keeps what each iteration waited for, with all other hooks and the loading of its batch."""

    priority = "LOWEST"

    def __init__(self, waits: Waits) -> None:
        self.waits, self.iterations = waits, list[Waits]()

    def after_train_iter(self, *_: Any, **__: Any) -> None:
        self.iterations.append(Waits(self.waits))
        self.waits.clear()


GUARD, CLIP = "watch/non_finite.py", "optimizer/optimizer_wrapper.py"
SETTINGS = {
    "num_workers": 0,
    "precision": "float32",
    "train_cfg.max_epochs": 1,
    "optim_wrapper.optimizer.foreach": False,
    "default_hooks.checkpoint.interval": 9,
    "default_hooks.logger.interval": 9,
    **dict.fromkeys(("val_dataloader", "val_evaluator", "val_cfg")),
}


def prefetcher_for(model: Any, whole_batches: bool) -> Callable[[Any], Any]:
    return functools.partial(map, sending_for(model.data_preprocessor, whole_batches))


@pytest.fixture
def iterations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Counter[str]]]:
    """``iterations(recipe, options)`` trains; it returns the waits of each iteration, by file."""

    def train(recipe: str, options: dict[str, Any]) -> list[Counter[str]]:
        monkeypatch.setattr("mmresnet.engine.resume.loops.prefetcher_for", prefetcher_for)
        cfg = prepare_run(recipe, str(tmp_path), {**options, **SETTINGS})
        import_packages(cfg)
        with simulated_gpu() as waits, compat.DEVICE.apply(DEVICE.type):
            runner = Runner.from_cfg(cfg)
            kept = KeepWaits(waits)
            runner.register_hook(kept)
            runner.train()
        return [files(iteration) for iteration in kept.iterations]

    return train


@pytest.mark.parametrize(
    ("clip", "expected"), [(None, {GUARD: 1}), ({"max_norm": 35}, {GUARD: 1, CLIP: 1})]
)
def test_an_iteration_of_a_training_waits_once_and_to_clip_gradients(
    clip: dict[str, Any] | None,
    expected: dict[str, int],
    tiny_images: Path,
    iterations: Callable[..., list[Counter[str]]],
) -> None:
    options = {
        **SMALL,
        "data_root": str(tiny_images),
        "batch_size": 4,
        "train_dataloader.dataset.pipeline.1.scale": 64,
        "optim_wrapper.clip_grad": clip,
    }
    _, *later = iterations(RECIPE, options)
    assert later == [expected] * 2


def test_an_iteration_of_a_detectors_training(
    small_detector: dict[str, Any],
    iterations: Callable[..., list[Counter[str]]],
) -> None:
    _, *later = iterations("faster-rcnn_r18_fpn_1x_coco", small_detector)
    assert [iteration[GUARD] for iteration in later] == [1] * len(later)
    assert all(iteration.total() <= 16 for iteration in later)
    assert len(later) >= 2
