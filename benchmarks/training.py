"""Time training steps of ours and of the stock packages, in turn, in one process.

    python benchmarks/training.py                 # ResNet-50, 16 × 224×224
    python benchmarks/training.py detector        # Faster R-CNN R50-FPN, 2 × 480×640
    python benchmarks/training.py cifar           # ResNet-20, 128 × 32×32

Prints a Markdown table: the median of n steps, images per second, and the ratio to the first row,
the median of the ratios of each round. A step is forward, backward and the optimizer's, on random
images and labels that are in memory. "stock" is mmpretrain's or mmdet's config as it is; for
RoIAlign and NMS, which pip does not install for it, it gets torchvision's kernels. Ours is what
``mmresnet train`` computes with. The ceiling of ResNet-50 is its multiply-adds at the speed of a
3×3 convolution in bfloat16.
"""

import argparse
import ctypes
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from mmresnet import ops, processor
from mmresnet.engine.allocator import keep_freed_memory

ops.install()

Step = Callable[[], Any]
MULTIPLY_ADDS = 4.09e9  # of ResNet-50 at 224×224


def classifier(recipe: str, batch: int, size: int, classes: int, ours: str | None) -> Step:
    """Return a training step of a config; ``ours`` is a precision, or None for stock."""
    model, wrapper = build(recipe, ours, {})
    from mmpretrain.structures import DataSample

    images = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8)
    samples = [DataSample().set_gt_label(int(i)) for i in torch.randint(0, classes, (batch,))]
    data = {"inputs": images, "data_samples": samples}
    return lambda: model.train_step(data, wrapper)


def detector(recipe: str, ours: str | None) -> Step:
    """Return a training step of a detector on two images of 480×640 with 20 boxes each."""
    options: dict[str, Any] = {"model.backbone.init_cfg": None}
    if not ours:
        options["model.roi_head.bbox_roi_extractor.roi_layer.use_torchvision"] = True
    model, wrapper = build(recipe, ours, options)
    from mmdet.structures import DetDataSample
    from mmdet.structures.bbox import HorizontalBoxes
    from mmengine.structures import InstanceData

    samples = []
    for _ in range(2):
        corner = torch.rand(20, 2) * torch.tensor([480.0, 360.0])
        boxes = torch.cat([corner, corner + 30 + 120 * torch.rand(20, 2)], 1)
        labels = torch.randint(0, 80, (20,))
        shape = {"img_shape": (480, 640), "ori_shape": (480, 640), "scale_factor": (1.0, 1.0)}
        sample = DetDataSample(metainfo=shape)
        sample.gt_instances = InstanceData(bboxes=HorizontalBoxes(boxes), labels=labels)
        sample.ignored_instances = InstanceData(
            bboxes=HorizontalBoxes(boxes[:0]), labels=labels[:0]
        )
        samples.append(sample)
    images = [torch.randint(0, 256, (3, 480, 640), dtype=torch.uint8) for _ in samples]
    return lambda: model.train_step({"inputs": images, "data_samples": samples}, wrapper)


def build(recipe: str, ours: str | None, options: dict[str, Any]) -> tuple[Any, Any]:
    """Return the model and the optimizer wrapper of a config."""
    from mmengine.registry import DefaultScope
    from mmengine.runner import Runner

    from mmresnet.engine.assembly import build_model, prepare_run
    from mmresnet.engine.float32_boxes import keep_boxes_in_float32
    from mmresnet.engine.precision import configure_training

    cfg = prepare_run(recipe, cfg_options=options)
    if ours:
        configure_training(cfg, "cpu", ours, amp=False)
    model = build_model(cfg).train()
    if ours:
        model.to(memory_format=torch.channels_last)
        if hasattr(model, "roi_head"):
            keep_boxes_in_float32(model)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        runner = Runner.__new__(Runner)  # for its way to build an optimizer wrapper alone
        runner.model, runner._randomness_cfg = model, {}
        wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    wrapper.initialize_count_status(model, 0, 1)
    return model, wrapper


def bare(model: torch.nn.Module, batch: int, size: int, classes: int) -> Step:
    """Return a step as a tuned loop without a framework does it: bfloat16, channels-last."""
    model = model.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (batch,))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def ceiling() -> float:
    """Return the multiply-adds per second of a 3×3 convolution in bfloat16."""
    conv = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False).to(torch.bfloat16)
    conv = conv.to(memory_format=torch.channels_last)
    images = torch.randn(16, 256, 28, 28).to(torch.bfloat16, memory_format=torch.channels_last)
    with torch.no_grad():
        conv(images)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            conv(images)
            times.append(time.perf_counter() - start)
    return 16 * 28 * 28 * 9 * 256 * 256 / statistics.median(times)


def resnet50() -> tuple[int, dict[str, Step]]:
    import timm
    import torchvision

    name = "resnet50_8xb32_in1k"
    return 16, {
        "mmpretrain": classifier(f"mmpretrain::resnet/{name}.py", 16, 224, 1000, None),
        "mmresnet --precision float32": classifier(name, 16, 224, 1000, "float32"),
        "**mmresnet**": classifier(name, 16, 224, 1000, "auto"),
        "torchvision, bfloat16, channels-last": bare(torchvision.models.resnet50(), 16, 224, 1000),
        "timm, bfloat16, channels-last": bare(timm.create_model("resnet50"), 16, 224, 1000),
    }


def cifar() -> tuple[int, dict[str, Step]]:
    name = "cifar/resnet20_1xb128_cifar10"
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


def give_memory_back() -> None:
    """Undo ``keep_freed_memory``: glibc's settings as they are at the start of a process."""
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-4, 65536)
        mallopt(-1, 128 * 1024)


CASES = {"resnet50": resnet50, "cifar": cifar, "detector": faster_rcnn}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("case", nargs="?", choices=CASES, default="resnet50")
    parser.add_argument("-n", type=int, default=7, help="rounds (7)")
    args = parser.parse_args()
    torch.manual_seed(0)
    images, steps = CASES[args.case]()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(args.n + 1):
        for name, step in steps.items():
            if "mmresnet" in name:
                keep_freed_memory()
            else:
                give_memory_back()
            start = time.perf_counter()
            step()
            if round_:  # the first one warms up
                times[name].append(time.perf_counter() - start)
    print(f"{processor.describe()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    first = next(iter(times.values()))
    print(f"\n| step of (n={args.n}) | s | images/s | ratio |\n|---|---|---|---|")
    for name, own in times.items():
        ratio = statistics.median(a / b for a, b in zip(first, own, strict=True))
        median = statistics.median(own)
        print(f"| {name} | {median:.3f} | {images / median:.1f} | {ratio:.2f} |")
    if args.case == "resnet50":
        speed = ceiling()
        images_per_second = speed / 3 / MULTIPLY_ADDS  # forward, and twice that backward
        print(f"\nCeiling: {speed / 1e9:.0f} G multiply-adds/s, {images_per_second:.1f} images/s")


if __name__ == "__main__":
    main()
