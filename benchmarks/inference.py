"""Time inference against mmpretrain, mmdet, timm and OpenVINO, in turn in one process.

    mmresnet benchmark inference classifier --batch-size 16
    mmresnet benchmark inference detector
    MMRESNET_DATA=… mmresnet benchmark inference images
    MMRESNET_DATA=… mmresnet benchmark inference accuracy

Prints a Markdown table with the medians of n rounds, in each of which every candidate runs once:
of the time on the clock, and of the processor time of all threads, which other programs on the
machine hardly change, but which says something about speed only with ``OMP_NUM_THREADS=1``.

``classifier``: ResNet-50 at 224×224, from a batch of uint8 images (ours and mmpretrain) or of
normalized floats (the others) to scores; the last line is what a convolution of the net reaches.
``detector``: Faster R-CNN R50-FPN on two images of 480×640, with 1000 proposals each. ``images``:
125 JPEGs of ImageNet, from files to labels. ``accuracy``: what the precision changes in ResNet-20
and -56 on 2,000 test images of CIFAR-10. Timings use random weights. What is not installed is left
out. ``--compile`` adds torch.compile, which takes a minute to start.
"""

import argparse
import contextlib
import glob
import os
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
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
from torch import Tensor, nn

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
OPENVINO = {"engine": "openvino"}
Candidates = dict[str, Callable[[], Any]]


def checkpoint_of(recipe: str, folder: str, options: dict[str, Any] | None = None) -> str:
    """Write random weights for a recipe, with statistics of BatchNorm that are not the identity."""
    from mmresnet.engine.assembly import build_model, prepare

    torch.manual_seed(0)
    cfg = prepare(recipe, options)
    cfg.model.backbone.pop("init_cfg", None)
    model = build_model(cfg)
    randomize(model)
    path = os.path.join(folder, f"{recipe}.pth")
    torch.save({"state_dict": model.state_dict()}, path)
    return path


def randomize(model: nn.Module) -> None:
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.05)
            module.running_var.uniform_(0.8, 1.2)
            module.weight.data.fill_(0.5)


def stock_model(config: str, options: dict[str, Any] | None = None) -> nn.Module:
    """Build mmpretrain's or mmdet's own model."""
    from mmresnet.engine.assembly import build_model, prepare

    cfg = prepare(config, options)
    cfg.model.backbone.pop("init_cfg", None)
    model = build_model(cfg).eval()
    randomize(model)
    return model


def stepper(model: nn.Module, batch: dict[str, Any]) -> Callable[[], Any]:
    return lambda: model.test_step(batch)


def ours(
    recipe: str, checkpoint: str, batch: dict[str, Any], device: str = "cpu", **settings: Any
) -> Candidates:
    """Return our model in each precision and with each engine that is installed."""
    from mmresnet.apis import Inferencer

    candidates: Candidates = {}
    for name, more in (
        ("mmresnet --precision float32", {"precision": "float32"}),
        ("**mmresnet**", {}),
        ("mmresnet --engine openvino --precision float32", OPENVINO | {"precision": "float32"}),
        ("mmresnet --engine openvino", OPENVINO),
    ):
        if "engine" in more and (device != "cpu" or not installed("openvino")):
            continue
        inferencer = Inferencer(recipe, checkpoint, device=device, **more, **settings)
        candidates[name] = autocast(stepper(inferencer.model, batch), inferencer._autocast)
    return candidates


def autocast(step: Callable[[], Any], context: Any) -> Callable[[], Any]:
    def run() -> Any:
        with context:
            return step()

    return run


def classifier_batch(size: int, pixels: int, stacked: bool = True) -> dict[str, Any]:
    """Return a batch of uint8 images in memory, as a data loader hands it over."""
    from mmpretrain.structures import DataSample

    images = torch.randint(0, 256, (size, 3, pixels, pixels), dtype=torch.uint8)
    samples = [DataSample() for _ in images]
    return {"inputs": images if stacked else list(images), "data_samples": samples}


def normalized(images: Tensor) -> Tensor:
    floats = (images.float() - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return floats.contiguous(memory_format=torch.channels_last)


def classifiers(size: int, folder: str, with_compile: bool) -> Candidates:
    recipe = "resnet50_8xb32_in1k"
    batch = classifier_batch(size, 224)
    stock = stock_model("mmpretrain::resnet/resnet50_8xb32_in1k.py")
    candidates: Candidates = {
        "mmpretrain": stepper(stock, batch | {"inputs": list(batch["inputs"])})
    }
    candidates |= ours(recipe, checkpoint_of(recipe, folder), batch)
    if not installed("timm"):
        return candidates
    import timm

    floats = normalized(batch["inputs"])
    candidates |= tuned(timm, floats)
    net = timm.create_model("resnet50").eval().to(memory_format=torch.channels_last)
    if with_compile:
        candidates |= compiled(timm, floats)
    return candidates | openvino_candidates(net, floats)


def tuned(timm: Any, floats: Tensor) -> Candidates:
    """Return timm's net, channels-last, in float32 and bfloat16."""
    net = timm.create_model("resnet50").eval().to(memory_format=torch.channels_last)
    half = timm.create_model("resnet50").eval()
    half.to(torch.bfloat16, memory_format=torch.channels_last)
    return {
        "timm, channels-last": lambda: net(floats),
        "timm, channels-last, autocast bfloat16": autocast(
            lambda: net(floats), torch.autocast("cpu", torch.bfloat16)
        ),
        "timm, channels-last, weights in bfloat16": lambda: half(floats.bfloat16()).float(),
    }


def compiled(timm: Any, floats: Tensor) -> Candidates:
    """Return timm's net with torch.compile, and print how long that takes."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    frozen = torch.compile(timm.create_model("resnet50").eval())
    step = autocast(lambda: frozen(floats), torch.autocast("cpu", torch.bfloat16))
    start = time.perf_counter()
    with torch.no_grad():
        step()
    print(f"torch.compile: {time.perf_counter() - start:.0f} s until the first result")
    return {"timm, torch.compile, freezing, autocast bfloat16": step}


def openvino_candidates(net: nn.Module, floats: Tensor) -> Candidates:
    """Return the whole net converted by OpenVINO, in float32 and bfloat16."""
    if not installed("openvino"):
        return {}
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = openvino.convert_model(net, example_input=floats[:1])
    candidates: Candidates = {}
    planes = floats.contiguous().numpy()
    for precision in ("f32", "bf16"):
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        request = openvino.compile_model(model, "CPU", settings).create_infer_request()
        candidates[f"OpenVINO, {precision}"] = lambda request=request: request.infer([planes])
    return candidates


def detector_batch(size: int, shape: tuple[int, int]) -> dict[str, Any]:
    """Return a batch of uint8 images of a shape (H, W) in memory."""
    from mmdet.structures import DetDataSample

    info = {"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)}
    samples = [DetDataSample(metainfo=info) for _ in range(size)]
    images = torch.randint(0, 256, (size, 3, *shape), dtype=torch.uint8)
    return {"inputs": images, "data_samples": samples}


def detectors(folder: str) -> Candidates:
    recipe = "faster-rcnn_r50_fpn_1x_coco"
    stock = stock_model("mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py")
    batch = detector_batch(2, (480, 640))
    candidates: Candidates = {"mmdet": stepper(stock, batch | {"inputs": list(batch["inputs"])})}
    return candidates | ours(recipe, checkpoint_of(recipe, folder), batch)


def files(folder: str) -> Candidates:
    """Return mmpretrain's inferencer and ours, on JPEG files."""
    from mmpretrain import ImageClassificationInferencer

    from mmresnet.apis import Inferencer

    with tarfile.open(Path(os.environ["MMRESNET_DATA"]) / "imagenet_sample_125.tar") as archive:
        archive.extractall(folder, filter="data")
    paths = sorted(glob.glob(f"{folder}/imagenet_sample/*.JPEG"))
    recipe = "resnet50_8xb32_in1k"
    checkpoint = checkpoint_of(recipe, folder)
    stock = ImageClassificationInferencer("resnet50_8xb32_in1k", pretrained=checkpoint)
    candidates: Candidates = {
        "mmpretrain's inferencer, batch 16": lambda: stock(paths, batch_size=16)
    }
    for name, more in (
        ("mmresnet --precision float32", {"precision": "float32"}),
        ("**mmresnet**", {}),
    ):
        one = Inferencer(recipe, checkpoint, device="cpu", **more)
        candidates[f"{name}, batch 16"] = lambda one=one: one(paths, batch_size=16)
    return candidates


def time_all(candidates: Candidates, rounds: int, images: int) -> None:
    """Print times on the clock and of all CPUs, and their ratio to the first candidate."""
    times = in_turn(candidates, rounds, allocator_of)
    wall, cpu = median_and_ratio(times), median_and_ratio(times, clock=1)
    rows = [
        (
            *(name, f"{1e3 * s:.0f}", f"{images / s:.1f}", f"{ratio:.2f}"),
            *(f"{1e3 * cpu[name][0]:.0f}", f"{cpu[name][1]:.2f}"),
        )
        for name, (s, ratio) in wall.items()
    ]
    print_table(("", "ms", "images/s", "ratio", "CPU time, ms", "ratio of CPU times"), rows)


def print_ceiling(size: int, rounds: int) -> None:
    """Print how many images a second the net would take at the speed of one convolution."""
    from mmresnet.inference.engines.fused_layers import FusedConv2d

    conv = FusedConv2d(nn.Conv2d(256, 256, 3, padding=1), None, True, torch.bfloat16)
    x = torch.randn(size, 256, 14, 14).bfloat16().contiguous(memory_format=torch.channels_last)
    taken = []
    for _ in range(20 * rounds):
        start = time.process_time()
        conv(x)
        taken.append((time.process_time() - start) / torch.get_num_threads())
    speed = 2 * size * 256 * 256 * 9 * 14 * 14 / min(taken)
    print(
        f"\nA 3×3 convolution in bfloat16, 256 channels at 14×14: {speed / 1e9:.0f} GFLOP/s, "
        f"with which ResNet-50 (8.2 GFLOP) would take {speed / 8.2e9:.0f} images/s."
    )


def compare_precisions(folder: str) -> None:
    """Print what 16 bits change in nets trained on CIFAR-10."""
    from mmresnet.apis import Inferencer

    data = Path(os.environ["MMRESNET_DATA"])
    with tarfile.open(data / "cifar10_jpeg.tar.xz") as archive:
        archive.extractall(
            folder, filter="data", members=[one for one in archive if "test/" in one.name]
        )
    (root,) = Path(folder).rglob("test")
    paths = sorted(map(str, root.glob("*/*.jpg")))[::5]
    truth = {name: index for index, name in enumerate(sorted(os.listdir(root)))}
    labels = [truth[Path(path).parent.name] for path in paths]
    rows = []
    for depth, file in ((20, "resnet20-12fca82f.th"), (56, "resnet56-4bfd9763.th")):
        exact: list[dict[int, float]] = []
        for precision in ("float32", "bfloat16", "float16"):
            run = Inferencer(
                f"resnet{depth}_1xb128_cifar10-images", str(data / file), precision=precision
            )
            results = run(paths, batch_size=128)
            scores = [{one["class_id"]: one["score"] for one in r["labels"]} for r in results]
            exact = exact or scores
            best = [max(one, key=one.__getitem__) for one in scores]
            same = [
                label == max(one, key=one.__getitem__)
                for label, one in zip(best, exact, strict=True)
            ]
            moved = max(
                abs(one[key] - other[key])
                for one, other in zip(scores, exact, strict=True)
                for key in one.keys() & other.keys()
            )
            right = sum(label == wanted for label, wanted in zip(best, labels, strict=True))
            rows.append(
                (
                    *(f"ResNet-{depth}", precision, f"{right / len(paths):.2%}"),
                    *(f"{sum(same)} of {len(paths)}", f"{moved:.4f}"),
                )
            )
    print_table(
        ("net", "precision", "top-1", "same top-1 as float32", "largest score difference"), rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["classifier", "detector", "images", "accuracy"])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("-n", "--rounds", type=int, default=9)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    print_heading(args.rounds)
    timed = args.what in ("classifier", "detector")
    no_gradients = torch.inference_mode() if timed else contextlib.nullcontext()
    with tempfile.TemporaryDirectory() as folder, no_gradients:
        if args.what == "accuracy":
            compare_precisions(folder)
        elif args.what == "images":
            time_all(files(folder), args.rounds, 125)
        elif args.what == "detector":
            time_all(detectors(folder), args.rounds, 2)
        else:
            candidates = classifiers(args.batch_size, folder, args.compile)
            time_all(candidates, args.rounds, args.batch_size)
            print_ceiling(args.batch_size, args.rounds)


if __name__ == "__main__":
    main()
