"""Measure training, inference, input and synchronizations on a GPU, beside other packages.

    mmresnet benchmark gpu              # 6 minutes of measuring at most; no network is needed
    mmresnet benchmark gpu --quick      # half a minute of measuring, without the files
    mmresnet benchmark gpu classifier --cudnn-benchmark
    mmresnet benchmark gpu classifier detector files --device cpu --quick   # tiny, for a trial

Prints Markdown tables: ResNet-50 with 256 images of 224×224, Faster R-CNN R50-FPN with 2 of
800×1344, the input of training from JPEG files, and whole training loops. "mmresnet" is what
``mmresnet train`` and ``mmresnet infer`` compute with by default, other packages are taken as they
are, and tuned. A time is that of several steps between two waits for the GPU, divided by their
number; the ratio is the median of those of the rounds, in which the candidates take turns. "Memory"
is what a step adds to the weights. Weights are random. ``--cudnn-benchmark`` lets cuDNN try all its
algorithms, for all candidates, since it keeps one for each shape in a process.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import _data
import _other_packages as others
import inference
import torch
import training
from _measuring import (
    allocator_of,
    in_new_process,
    in_turn,
    median_and_ratio,
    print_heading,
    print_table,
)
from _training_loop import run_loop, synchronizations, synchronize

from mmresnet.engine.precision import choose_precision

CLASSIFIER, DETECTOR = "resnet50_8xb32_in1k", "faster-rcnn_r50_fpn_1x_coco"
STOCK_CLASSIFIER = f"mmpretrain::resnet/{CLASSIFIER}.py"
STOCK_DETECTOR = f"mmdet::faster_rcnn/{DETECTOR}.py"
Candidates = dict[str, Callable[[], Any]]


@dataclass
class Setting:
    """What is measured, and for how long.

    Attributes:
        seconds: Of all tables together.
        rounds: n, if the time suffices.
        repeat: Steps between two waits for the GPU.
        depth: Of the classifier.
        loader_images: Of an epoch of the input.
        compiled: Whether the classifier's training is measured compiled as well.
    """

    device: str
    seconds: float
    rounds: int
    repeat: int = 5
    depth: int = 50
    batch: int = 256
    size: int = 224
    detector_batch: int = 2
    shape: tuple[int, int] = (800, 1344)
    loader_images: int = 256 * 24
    workers: int = min(16, os.cpu_count() or 1)
    compiled: bool = False


FULL = Setting("cuda", seconds=420, rounds=7)
TINY = dict(depth=18, batch=2, size=64, shape=(96, 128), loader_images=16, repeat=1)


def options(setting: Setting) -> dict[str, Any]:
    """Return what makes the classifier's config one of another depth."""
    width = 512 if setting.depth < 50 else 2048
    return {"model.backbone.depth": setting.depth, "model.head.in_channels": width}


def train_classifier(s: Setting) -> Candidates:
    def build(config: str, ours: str | None, **more: Any) -> Any:
        more["options"] = options(s) | (more.get("options") or {})
        return training.classifier(config, s.batch, s.size, 1000, ours, **more)

    found = others.stock_training(build, "mmpretrain", STOCK_CLASSIFIER, s.device)
    found |= own_training(build, CLASSIFIER, s.device)
    found |= others.bare_training(f"resnet{s.depth}", s.batch, s.size, s.device, s.compiled)
    if s.compiled:
        ours = build(CLASSIFIER, ours="auto", device=s.device, options={"compile": True})
        found["mmresnet, compiled"] = ours
    return found


def train_detector(s: Setting) -> Candidates:
    def build(config: str, ours: str | None, **more: Any) -> Any:
        return training.detector(config, ours, batch=s.detector_batch, shape=s.shape, **more)

    found = others.stock_training(build, "mmdet", STOCK_DETECTOR, s.device)
    found |= own_training(build, DETECTOR, s.device)
    return found | others.torchvision_detectors(s.detector_batch, s.shape, True, s.device)


def own_training(build: Callable[..., Any], config: str, device: str) -> Candidates:
    return {
        "mmresnet --precision float32": build(config, ours="float32", device=device),
        "**mmresnet**": build(config, ours="auto", device=device),
    }


def infer_classifier(s: Setting, folder: str) -> Candidates:
    batch = inference.classifier_batch(s.batch, s.size)
    batch["inputs"] = training.on_host(batch["inputs"], s.device)
    found = others.stock_inference("mmpretrain", STOCK_CLASSIFIER, batch, s.device, options(s))
    checkpoint = inference.checkpoint_of(CLASSIFIER, folder, options(s))
    found |= inference.ours(CLASSIFIER, checkpoint, batch, s.device, cfg_options=options(s))
    return found | others.bare_inference(f"resnet{s.depth}", batch["inputs"], s.device)


def infer_detector(s: Setting, folder: str) -> Candidates:
    batch = inference.detector_batch(s.detector_batch, s.shape)
    batch["inputs"] = training.on_host(batch["inputs"], s.device)
    found = others.stock_inference("mmdet", STOCK_DETECTOR, batch, s.device)
    found |= inference.ours(DETECTOR, inference.checkpoint_of(DETECTOR, folder), batch, s.device)
    return found | others.torchvision_detectors(s.detector_batch, s.shape, False, s.device)


def measure(title: str, candidates: Candidates, images: int, s: Setting, seconds: float) -> None:
    """Print a table of the candidates; one that does not fit into the memory is left out."""
    fitting: Candidates = {}
    for name, step in candidates.items():
        try:
            allocator_of(name)
            step()
            fitting[name] = step
        except torch.OutOfMemoryError:
            print(f"\n{name}: out of memory, and left out.")

    def group(step: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(s.repeat):
                step()
            synchronize(s.device)

        return run

    groups = {name: group(step) for name, step in fitting.items()}
    times = in_turn(groups, s.rounds, allocator_of, seconds)
    rows = [
        [
            *(name, f"{1e3 * t / s.repeat:.2f}", f"{images * s.repeat / t:,.1f}"),
            *(f"{ratio:.2f}", step_memory(fitting[name], s.device), len(times[name])),
        ]
        for name, (t, ratio) in median_and_ratio(times).items()
    ]
    print_table((title, "ms", "images/s", "ratio", "memory, GB", "n"), rows)


def step_memory(step: Callable[[], Any], device: str) -> str:
    """Return the peak of the memory that a step allocates on a GPU, in GB."""
    if device != "cuda":
        return "–"
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return f"{(torch.cuda.max_memory_allocated() - before) / 1e9:.2f}"


def measure_input(root: Path, s: Setting, seconds: float) -> None:
    """Print how many images a second the loaders give."""
    cases = {
        name: lambda loader=loader: [None for _ in loader]
        for name, loader in _data.loaders(
            root, min(64, s.batch), s.workers, s.size, s.device
        ).items()
    }
    times = in_turn(cases, min(3, s.rounds), seconds=seconds)
    rows = [
        (name, f"{s.loader_images / t:,.1f}", f"{ratio:.2f}", len(times[name]))
        for name, (t, ratio) in median_and_ratio(times).items()
    ]
    print_table((f"input, {s.workers} workers", "images/s", "ratio", "n"), rows)


def count_synchronizations(steps: Candidates, s: Setting) -> None:
    """Print how often each of the steps waits for the GPU, and where."""
    rows = []
    for name, step in steps.items():
        step()
        with synchronizations(s.device) as counts:
            step()
        rows.append((name, sum(counts.values()), places(counts)))
    print_table(("waits for the GPU in a step of", "number", "at"), rows)


def places(counts: Any) -> str:
    found = sorted(counts.items(), key=lambda item: -item[1])[:4]
    return ", ".join(f"{line} ({count:.3g})" for line, count in found) or "–"


def measure_loops(root: Path, arguments: list[str], s: Setting) -> None:
    """Print speed and synchronizations of an iteration of whole training loops."""
    rows = []
    for name, which in (("mmpretrain", "stock"), ("**mmresnet**", "own")):
        seconds, counts = in_new_process(*arguments, "--loop", which, root)
        speed = f"{s.batch / seconds:,.1f}"
        waits = f"{sum(counts.values()):.1f}"
        rows.append((name, f"{1e3 * seconds:.1f}", speed, waits, places(counts)))
    header = ("training loop from JPEG files", "ms", "images/s", "waits for the GPU", "at")
    print_table(header, rows)


def loop(which: str, root: Path, s: Setting) -> None:
    """Run a training loop, and print the time of an iteration and its synchronizations."""
    watch = run_loop(which == "stock", root, options(s), s.size, s.batch, s.workers, s.device)
    print(json.dumps([watch.seconds, watch.counts]))


def classifier(s: Setting, folder: str) -> None:
    """Measure training and inference of the classifier."""
    what = f"ResNet-{s.depth}, {s.batch} × {s.size}×{s.size}"
    trained = train_classifier(s)
    measure(f"training step of {what}", trained, s.batch, s, s.seconds / 6)
    count_synchronizations(trained, s)
    del trained
    with torch.inference_mode():
        measure(f"inference of {what}", infer_classifier(s, folder), s.batch, s, s.seconds / 6)


def detector(s: Setting, folder: str) -> None:
    """Measure training and inference of the detector."""
    what = f"Faster R-CNN R50-FPN, {s.detector_batch} × {s.shape[0]}×{s.shape[1]}"
    trained = train_detector(s)
    measure(f"training step of {what}", trained, s.detector_batch, s, s.seconds / 6)
    count_synchronizations(trained, s)
    del trained
    with torch.inference_mode():
        measure(
            f"inference of {what}", infer_detector(s, folder), s.detector_batch, s, s.seconds / 6
        )


def files(s: Setting, folder: str) -> None:
    """Measure loaders of JPEG files, and training from them."""
    _data.write_jpegs(Path(folder), s.loader_images)
    measure_input(Path(folder), s, s.seconds / 6)
    measure_loops(Path(folder), sys.argv[1:], s)


PARTS = {"classifier": classifier, "detector": detector, "files": files}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all of them")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true", help="few rounds; on a CPU, tiny nets")
    parser.add_argument("--seconds", type=float, help="of measuring (420, with --quick 30)")
    parser.add_argument("--compile", action="store_true", help="a classifier compiled, too")
    parser.add_argument("--cudnn-benchmark", action="store_true")
    parser.add_argument("--loop", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    s = replace(FULL, device=args.device)
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    if args.quick:
        s = replace(s, seconds=30, rounds=2, loader_images=256 * 8)
        s = replace(s, **(TINY if args.device == "cpu" else {}))
    elif args.device == "cpu":
        parser.error("--device cpu needs --quick: for a CPU there are 'training' and 'inference'")
    s = replace(s, seconds=args.seconds or s.seconds, compiled=args.compile)
    begin = time.perf_counter()
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = args.cudnn_benchmark
    if args.loop:
        loop(args.loop[0], Path(args.loop[1]), s)
        return
    print_heading(s.rounds, s.device)
    precision = choose_precision(s.device) or "float32"
    print(f"- mmresnet's default precision here: {str(precision).removeprefix('torch.')}")
    with tempfile.TemporaryDirectory() as folder:
        for name in args.parts or list(PARTS)[: 2 if args.quick else None]:
            PARTS[name](s, folder)
            if s.device == "cuda":
                torch.cuda.empty_cache()
    print(f"\nTime: {math.ceil(time.perf_counter() - begin)} s.")


if __name__ == "__main__":
    main()
