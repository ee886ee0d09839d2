"""Train recipes on CIFAR-10 for an equal time or number of epochs, and compare their accuracies.

    MMRESNET_DATA=DIR mmresnet benchmark cifar_budget                  # an hour on two cores
    mmresnet benchmark cifar_budget --data-root data/cifar10 --minutes 2 --seeds 1
    mmresnet benchmark cifar_budget --recipes resnet20_1xb128_cifar10 'my_config.py custom_hooks=[]'
    mmresnet benchmark cifar_budget --epochs 4 --recipes NAME 'NAME precision=float32'

Images are those of ``cifar10_jpeg.tar.xz`` in the folder DIR, decoded once, or CIFAR-10's own
files in ``--data-root``. Each recipe is trained for as many epochs as fit into the time, by the
speed of an eighth of an epoch with the loading of its images, or for ``--epochs``. Its schedule is
scaled to them, and the test at the end does not count. The trainings take turns, each in a new
process.

Prints a Markdown table: the images per second of ``mmresnet train``, the share of the time in which
it waits for images, epochs, the seconds that they took, and the top-1 accuracies.
"""

import argparse
import json
import math
import os
import pickle
import statistics
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from _measuring import in_new_process, print_heading, print_table

from mmresnet.cli.command import parse_options

RECIPES = ("resnet20_1xb128_cifar10", "resnet8x4_1xb256-onecycle_cifar10")
WARM_UP = 5  # iterations


def convert(archive: Path, root: Path) -> None:
    """Write the images of an archive of JPEG files in the layout of CIFAR-10's own files."""
    images: dict[str, list[tuple[str, str, np.ndarray]]] = {"train": [], "test": []}
    with tarfile.open(archive) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is None or not member.name.endswith(".jpg"):
                continue
            split, label, name = member.name.split("/")[-3:]
            pixels = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR_RGB)
            images[split].append((name, label, pixels.transpose(2, 0, 1).reshape(-1)))
    classes = sorted({label for _, label, _ in images["train"]})
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for split, name in (("train", "data_batch_1"), ("test", "test_batch")):
        rows = sorted(images[split], key=lambda row: row[:2])  # the classes in turn
        labels = [classes.index(label) for _, label, _ in rows]
        content = {"data": np.stack([pixels for _, _, pixels in rows]), "labels": labels}
        (folder / name).write_bytes(pickle.dumps(content))


def scaled(recipe: str, given: dict[str, Any], images: int, epochs: float | None) -> dict[str, Any]:
    """Return the options with which a recipe trains on so many images, for so many epochs.

    A recipe that counts epochs gets whole ones, so no more time than one that counts iterations.

    Args:
        epochs: None is an eighth of one, at a constant rate.
    """
    from mmresnet.config.load import load_config

    cfg = load_config(recipe, given)
    by_epoch = cfg.train_cfg.get("by_epoch", "Iter" not in cfg.train_cfg.get("type", ""))
    key = "max_epochs" if by_epoch else "max_iters"
    if epochs is None:
        images = min(images, max(images // 8, 20 * cfg.batch_size))
    steps = images / cfg.batch_size
    total = max(2, int(epochs or 0)) if by_epoch else round(max(2, epochs or 1) * steps)
    options = {**given, f"train_cfg.{key}": total, "train_cfg.val_interval": total}
    options["default_hooks.checkpoint.interval"] = total
    options["train_dataloader.dataset.indices"] = images
    if epochs is None:
        options["param_scheduler"] = None
        options[f"train_cfg.{key}"] = options["train_cfg.val_interval"] = (
            1 if by_epoch else int(steps)
        )
        options |= dict.fromkeys(("val_dataloader", "val_evaluator", "val_cfg"))
        options["default_hooks.checkpoint.save_best"] = None
        return options
    share = total / cfg.train_cfg[key]
    for number, schedule in enumerate(cfg.param_scheduler):
        for part in ("begin", "end"):
            if schedule.get(part):
                options[f"param_scheduler.{number}.{part}"] = max(1, round(share * schedule[part]))
        if at := schedule.get("milestones"):
            options[f"param_scheduler.{number}.milestones"] = [round(share * n) for n in at]
    return options


def train(job: dict[str, Any]) -> dict[str, float]:
    """Train a recipe; return images per second, waiting, seconds and accuracy."""
    from mmengine.hooks import Hook
    from mmengine.registry import HOOKS
    from mmpretrain.datasets import CIFAR10

    from mmresnet.apis import train
    from mmresnet.config.load import load_config

    @HOOKS.register_module()
    class Clock(Hook):
        """Notes when iterations end, and how long each has waited for its images."""

        priority = "LOWEST"

        def __init__(self) -> None:
            self.ends: list[float] = []
            self.waits: list[float] = []

        def before_train_epoch(self, runner: Any) -> None:
            self._last = time.perf_counter()

        def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
            self.waits.append(time.perf_counter() - self._last)

        def after_train_iter(
            self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
        ) -> None:
            self._last = time.perf_counter()
            self.ends.append(self._last)

    if job["converted"]:  # has other checksums
        CIFAR10.train_list, CIFAR10.test_list = [["data_batch_1", None]], [["test_batch", None]]
    options = {"data_root": job["data_root"], "randomness.seed": job["seed"], **job["options"]}
    if job["workers"] is not None:
        options["num_workers"] = job["workers"]
    hooks = load_config(job["recipe"], job["options"]).get("custom_hooks") or []
    options["custom_hooks"] = [*hooks, {"type": "mmengine.Clock"}]
    with tempfile.TemporaryDirectory() as folder:
        runner = train(job["recipe"], folder, cfg_options=options)
    clock = next(hook for hook in runner.hooks if isinstance(hook, Clock))
    steps = len(clock.ends) - WARM_UP
    seconds = clock.ends[-1] - clock.ends[WARM_UP - 1]
    scores = runner.message_hub.log_scalars.get("val/accuracy/top1")
    return {
        "images_per_second": steps * runner.train_dataloader.batch_size / seconds,
        "waiting": sum(clock.waits[WARM_UP:]) / seconds,
        "seconds": seconds * len(clock.ends) / steps,
        "top1": scores.current() if scores else math.nan,
    }


def row(recipe: str, results: list[dict[str, float]], images: int) -> tuple[str, ...]:
    """Return a row of the table."""
    scores = [result["top1"] for result in results]
    deviation = f" ± {statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
    speed, waiting, seconds = (
        statistics.median(result[key] for result in results)
        for key in ("images_per_second", "waiting", "seconds")
    )
    return (
        f"`{recipe}`",
        f"{speed:.0f}",
        f"{100 * waiting:.0f} %",
        f"{seconds * speed / images:.1f}",
        f"{seconds:.0f}",
        ", ".join(f"{score:.2f}" for score in scores),
        f"{statistics.mean(scores):.2f}{deviation}",
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="for each training (10)")
    parser.add_argument("--epochs", type=float, help="for each training, instead of a time")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each recipe (3)")
    parser.add_argument(
        "--recipes",
        nargs="+",
        default=RECIPES,
        metavar="NAME",
        help="a recipe, or 'NAME path=value …' with other settings",
    )
    parser.add_argument("--images", type=int, default=50_000, help="to train on (50000)")
    parser.add_argument("--workers", type=int, help="num_workers; by default the recipe's")
    parser.add_argument("--data-root", help="a folder with cifar-10-batches-py")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(train(json.loads(args.one))))
        return
    data = os.environ.get("MMRESNET_DATA")
    if not args.data_root and not data:
        parser.error("set MMRESNET_DATA to the folder of the sample data, or give --data-root")
    print_heading(args.seeds)
    with tempfile.TemporaryDirectory() as folder:
        root = args.data_root or folder
        if not args.data_root:
            convert(Path(str(data), "cifar10_jpeg.tar.xz"), Path(folder))
        common = {"data_root": root, "converted": not args.data_root, "workers": args.workers}

        def one(text: str, epochs: float | None, seed: int) -> Any:
            recipe, *given = text.split()
            options = scaled(recipe, parse_options(given), args.images, epochs)
            job = {"recipe": recipe, "options": options, "seed": seed, **common}
            return in_new_process("--one", json.dumps(job))

        epochs = dict.fromkeys(args.recipes, args.epochs)
        if args.epochs is None:
            for recipe in args.recipes:
                speed = one(recipe, None, 0)["images_per_second"]
                epochs[recipe] = 60 * args.minutes * speed / args.images
        results: dict[str, list[dict[str, float]]] = {recipe: [] for recipe in args.recipes}
        for seed in range(args.seeds):
            for recipe, own in results.items():
                own.append(one(recipe, epochs[recipe], seed))
    rows = [row(recipe, own, args.images) for recipe, own in results.items()]
    header = ("recipe", "images/s", "waits for images", "epochs", "s", "top-1, %", "mean")
    print_table(header, rows)


if __name__ == "__main__":
    main()
