"""Candidates of other packages for ``gpu.py``: each as it is, and tuned as its users tune it.

Nets without a framework get normalized images that are on the device already, where ours and
OpenMMLab's get bytes in pinned memory, as a data loader hands them over.
"""

from collections.abc import Callable
from typing import Any

import inference
import torch
import training
from torch import nn

Candidates = dict[str, Callable[[], Any]]
TUNED = "bfloat16, channels-last"
SMALL_LR = 1e-6  # with random weights, torchvision's loss would soon be infinite
AMP = {"optim_wrapper.type": "AmpOptimWrapper", "optim_wrapper.dtype": "bfloat16"}


def stock_training(build: Callable[..., Any], name: str, config: str, device: str) -> Candidates:
    """Return training steps of mmpretrain's or mmdet's config; ``build`` makes one."""
    found = {name: build(config, ours=None, device=device)}
    if device == "cuda":  # mmengine's AmpOptimWrapper refuses bfloat16 on a CPU
        tuned = dict(options=AMP, channels_last=True)
        found[f"{name}, {TUNED}"] = build(config, ours=None, device=device, **tuned)
    return found


def bare_training(name: str, batch: int, size: int, device: str, compiled: bool) -> Candidates:
    """Return training steps of torchvision's and timm's net, each in several ways."""
    found = {}
    for way in ("", f", {TUNED}", *[f", {TUNED}, compiled"] * compiled):
        for package, model in training.bare_models(name).items():
            if way.endswith("compiled"):
                model.compile(dynamic=False)
            found[package + way] = training.bare(model, batch, size, 1000, device, bool(way))
    return found


def stock_inference(
    name: str,
    config: str,
    batch: dict[str, Any],
    device: str,
    options: dict[str, Any] | None = None,
) -> Candidates:
    """Return mmpretrain's or mmdet's model in float32, and in bfloat16 by autocast."""
    listed = batch | {"inputs": list(batch["inputs"])}
    found = {}
    for tuned in (False, True):
        model = inference.stock_model(config, options).to(device)
        if tuned:
            model.to(memory_format=torch.channels_last)
        step = inference.stepper(model, listed)
        context = torch.autocast(device, torch.bfloat16, enabled=tuned)
        found[f"{name}{', ' + TUNED if tuned else ''}"] = inference.autocast(step, context)
    return found


def bare_inference(name: str, images: torch.Tensor, device: str) -> Candidates:
    """Return torchvision's and timm's net in float32, and with weights in bfloat16."""
    images = inference.normalized(images).to(device)
    found: Candidates = {}
    for tuned in (False, True):
        for package, model in training.bare_models(name).items():
            model.eval().to(device)
            given = images.contiguous()
            if tuned:
                model.to(torch.bfloat16, memory_format=torch.channels_last)
                given = images.to(torch.bfloat16, memory_format=torch.channels_last)
            label = f"{package}{', ' + TUNED if tuned else ''}"
            found[label] = lambda model=model, given=given: model(given)
    return found


def torchvision_detector(shape: tuple[int, int], train: bool, device: str) -> nn.Module:
    """Return Faster R-CNN R50-FPN, trained from the second stage on as the recipes do."""
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=3)
    model = FasterRCNN(backbone, 81, min_size=min(shape), max_size=max(shape))
    return model.train(train).to(device)


def torchvision_detectors(
    batch: int, shape: tuple[int, int], train: bool, device: str
) -> Candidates:
    """Return steps of torchvision's Faster R-CNN, on images with 20 boxes each for training."""
    images = [torch.rand(3, *shape, device=device) for _ in range(batch)]
    corner = torch.rand(20, 2) * torch.tensor([0.75 * shape[1], 0.75 * shape[0]])
    boxes = torch.cat([corner, corner + (30 + 120 * torch.rand(20, 2)) * shape[0] / 480], 1)
    target = {"boxes": boxes.to(device), "labels": torch.randint(1, 81, (20,), device=device)}
    found: Candidates = {}
    for tuned in (False, True):
        model = torchvision_detector(shape, train, device)
        if tuned:
            model.to(memory_format=torch.channels_last)
        context = torch.autocast(device, torch.bfloat16, enabled=tuned)
        label = f"torchvision{', ' + TUNED if tuned else ''}"
        if not train:
            found[label] = inference.autocast(lambda model=model: model(images), context)
            continue
        parameters = [p for p in model.parameters() if p.requires_grad]
        settings: dict[str, Any] = dict(momentum=0.9, weight_decay=1e-4, fused=tuned or None)
        optimizer = torch.optim.SGD(parameters, SMALL_LR, **settings)

        def step(model: Any = model, optimizer: Any = optimizer, context: Any = context) -> None:
            with context:
                loss = sum(model(images, [target] * batch).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        found[label] = step
    return found
