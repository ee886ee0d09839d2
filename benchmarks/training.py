"""Time training steps of ours and of the stock packages, in turn, in one process.

    mmresnet benchmark training                 # ResNet-50, 16 × 224×224
    mmresnet benchmark training detector        # Faster R-CNN R50-FPN, 2 × 480×640
    mmresnet benchmark training cifar           # ResNet-20, 128 × 32×32

Prints a Markdown table: the median of n steps, images per second, and the ratio to the first row,
the median of the ratios of each round. A step is forward, backward and the optimizer's, on random
images and labels that are in memory. "stock" is mmpretrain's or mmdet's config as it is; for
RoIAlign and NMS, which pip does not install for it, it gets torchvision's kernels. Ours is what
``mmresnet train`` computes with. The best peers are tuned: channels-last, a fused optimizer and the
same precision. The ceiling of ResNet-50 is its multiply-adds at the speed of a 3×3 convolution in
that precision. Packages that are not installed are left out.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from _measuring import (
    allocator_of,
    in_turn,
    installed,
    median_and_ratio,
    print_heading,
    print_table,
)

from mmresnet import ops

ops.install()

Step = Callable[[], Any]
MULTIPLY_ADDS = 4.09e9  # of ResNet-50 at 224×224


def classifier(
    recipe: str,
    batch: int,
    size: int,
    classes: int,
    ours: str | None,
    device: str = "cpu",
    options: dict[str, Any] | None = None,
    channels_last: bool = False,
) -> Step:
    """Return a training step of a config on images in memory, where a data loader puts them.

    Args:
        ours: The precision of ``mmresnet train``, which is channels-last; None for stock.
        options: Settings of the config to override.
        channels_last: Whether stock is channels-last.
    """
    model, wrapper = build(recipe, ours, options or {}, device, channels_last)
    return steps(model, wrapper, classifier_data(batch, size, classes, device), ours)


def classifier_data(batch: int, size: int, classes: int, device: str = "cpu") -> dict[str, Any]:
    """Return a batch of random images and labels, as a data loader hands it over."""
    from mmpretrain.structures import DataSample

    images = on_host(torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8), device)
    labels = torch.randint(0, classes, (batch,)).tolist()
    return {"inputs": images, "data_samples": [DataSample().set_gt_label(i) for i in labels]}


def detector(
    recipe: str,
    ours: str | None,
    device: str = "cpu",
    batch: int = 2,
    shape: tuple[int, int] = (480, 640),
    options: dict[str, Any] | None = None,
    channels_last: bool = False,
) -> Step:
    """Return a training step of a detector on images of a shape (H, W) with 20 boxes each.

    Other arguments are those of :func:`classifier`.
    """
    options = {"model.backbone.init_cfg": None, **(options or {})}
    if not ours:
        options["model.roi_head.bbox_roi_extractor.roi_layer.use_torchvision"] = True
    model, wrapper = build(recipe, ours, options, device, channels_last)
    return steps(model, wrapper, detector_data(batch, shape, device), ours)


def steps(model: Any, wrapper: Any, data: dict[str, Any], ours: str | None) -> Step:
    """Return a step on the same batch again and again, which ours copies to a GPU ahead."""
    from mmresnet.engine.prefetch import prefetcher_for

    batches = prefetcher_for(model if ours else torch.nn.Module())(itertools.repeat(data))
    return lambda: model.train_step(next(batches), wrapper)


def detector_data(batch: int, shape: tuple[int, int], device: str = "cpu") -> dict[str, Any]:
    """Return a batch of random images of a shape (H, W) with 20 random boxes each."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.bbox import HorizontalBoxes
    from mmengine.structures import InstanceData

    height, width = shape
    samples = []
    for _ in range(batch):
        corner = torch.rand(20, 2) * torch.tensor([0.75 * width, 0.75 * height])
        side = (30 + 120 * torch.rand(20, 2)) * height / 480
        boxes = torch.cat([corner, corner + side], 1)
        labels = torch.randint(0, 80, (20,))
        info = {"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)}
        sample = DetDataSample(metainfo=info)
        sample.gt_instances = InstanceData(bboxes=HorizontalBoxes(boxes), labels=labels)
        sample.ignored_instances = InstanceData(
            bboxes=HorizontalBoxes(boxes[:0]), labels=labels[:0]
        )
        samples.append(sample)
    images = [on_host(torch.randint(0, 256, (3, *shape), dtype=torch.uint8), device)] * batch
    return {"inputs": images, "data_samples": samples}


def on_host(images: torch.Tensor, device: str) -> torch.Tensor:
    """Return images in memory as a data loader hands them over: pinned for a GPU."""
    return images.pin_memory() if device == "cuda" else images


def build(
    recipe: str,
    ours: str | None,
    options: dict[str, Any],
    device: str = "cpu",
    channels_last: bool = False,
) -> tuple[Any, Any]:
    """Return the model and the optimizer wrapper of a config."""
    from mmengine.registry import DefaultScope
    from mmengine.runner import Runner

    from mmresnet.engine.assembly import build_model, prepare_run
    from mmresnet.engine.compilation import compile_steps
    from mmresnet.engine.float32_boxes import keep_boxes_in_float32
    from mmresnet.engine.precision import configure_training

    cfg = prepare_run(recipe, cfg_options=options, device=device)
    if ours:
        configure_training(cfg, device, ours, amp=False)
    model = build_model(cfg).train().to(device)
    if ours or channels_last:
        model.to(memory_format=torch.channels_last)
    if ours and hasattr(model, "roi_head"):
        keep_boxes_in_float32(model)
    if cfg.get("compile") is True:
        compile_steps(model.backbone, dynamic=False)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        runner = Runner.__new__(Runner)  # for its way to build an optimizer wrapper alone
        runner.model, runner._randomness_cfg = model, {}
        wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    wrapper.initialize_count_status(model, 0, 1)
    return model, wrapper


def bare(
    model: torch.nn.Module,
    batch: int,
    size: int,
    classes: int,
    device: str = "cpu",
    tuned: bool = True,
    dtype: torch.dtype = torch.bfloat16,
) -> Step:
    """Return a step of a loop without a framework, on normalized images on the device.

    It is tuned (in ``dtype``, channels-last, a fused optimizer), or as torch does by default.
    """
    model, images = model.train().to(device), torch.randn(batch, 3, size, size).to(device)
    if tuned:
        model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    settings: dict[str, Any] = dict(momentum=0.9, weight_decay=1e-4, fused=tuned or None)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, **settings)
    labels = torch.randint(0, classes, (batch,)).to(device)

    def step() -> None:
        with torch.autocast(device, dtype, enabled=tuned and dtype != torch.float32):
            loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def own_dtype() -> torch.dtype:
    """Return what ``mmresnet train`` computes in on this CPU."""
    from mmresnet.engine.precision import choose_precision

    return choose_precision("cpu") or torch.float32


def ceiling() -> float:
    """Return the multiply-adds per second of a 3×3 convolution in this CPU's precision."""
    dtype = own_dtype()
    conv = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False).to(dtype)
    conv = conv.to(memory_format=torch.channels_last)
    images = torch.randn(16, 256, 28, 28).to(dtype, memory_format=torch.channels_last)
    with torch.no_grad():
        conv(images)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            conv(images)
            times.append(time.perf_counter() - start)
    return 16 * 28 * 28 * 9 * 256 * 256 / statistics.median(times)


def resnet50() -> tuple[int, dict[str, Step]]:
    name = "resnet50_8xb32_in1k"
    steps = {
        "mmpretrain": classifier(f"mmpretrain::resnet/{name}.py", 16, 224, 1000, None),
        "mmresnet --precision float32": classifier(name, 16, 224, 1000, "float32"),
        "**mmresnet**": classifier(name, 16, 224, 1000, "auto"),
    }
    dtype = own_dtype()
    for package, model in bare_models("resnet50").items():
        way = f"{package}, {str(dtype).removeprefix('torch.')}, channels-last"
        steps[way] = bare(model, 16, 224, 1000, dtype=dtype)
    return 16, steps


def bare_models(name: str) -> dict[str, torch.nn.Module]:
    """Return torchvision's and timm's net of that name, as far as they are installed."""
    import torchvision

    models = {"torchvision": torchvision.models.get_model(name)}
    if installed("timm"):
        import timm

        models["timm"] = timm.create_model(name)
    return models


def cifar() -> tuple[int, dict[str, Step]]:
    name = "resnet20_1xb128_cifar10"
    return 128, {
        "mmresnet --precision float32": classifier(name, 128, 32, 10, "float32"),
        "**mmresnet**": classifier(name, 128, 32, 10, "auto"),
    }


def faster_rcnn() -> tuple[int, dict[str, Step]]:
    name = "faster-rcnn_r50_fpn_1x_coco"
    return 2, {
        "mmdet": detector(f"mmdet::faster_rcnn/{name}.py", None),
        "mmresnet --precision float32": detector(name, "float32"),
        "**mmresnet**": detector(name, "auto"),
    }


CASES = {"resnet50": resnet50, "cifar": cifar, "detector": faster_rcnn}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("case", nargs="?", choices=CASES, default="resnet50")
    parser.add_argument("-n", type=int, default=7, help="rounds (7)")
    args = parser.parse_args()
    torch.manual_seed(0)
    print_heading(args.n)
    images, steps = CASES[args.case]()
    found = median_and_ratio(in_turn(steps, args.n, before=allocator_of))
    rows = [
        (name, f"{s:.3f}", f"{images / s:.1f}", f"{ratio:.2f}")
        for name, (s, ratio) in found.items()
    ]
    print_table(("step of", "s", "images/s", "ratio"), rows)
    if args.case == "resnet50":
        speed = ceiling()
        images_per_second = speed / 3 / MULTIPLY_ADDS  # forward, and twice that backward
        print(f"\nCeiling: {speed / 1e9:.0f} G multiply-adds/s, {images_per_second:.1f} images/s")


if __name__ == "__main__":
    main()
