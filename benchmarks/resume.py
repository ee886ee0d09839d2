"""Time what exact resuming costs: seeding for each sample, and a checkpoint.

    mmresnet benchmark resume

Prints a Markdown table with medians of n: a training step, the seeding of the samples of a step,
the time that training waits for a checkpoint, the part of it that gathers what mmengine's
checkpoints lack, and what these add to the step, with a checkpoint each minute. Cases are the
recipe of the handwritten digits, and ResNet-18 on 16 JPEGs of 500×375 pixels per step, cropped to
224×224; both train as by ``mmresnet train`` on a CPU. Samples are loaded in the main process,
alternately with and without seeding.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _data import write_jpegs
from _measuring import print_heading, print_table
from mmengine.runner import Runner

from mmresnet.datasets.demo.digits import write_digits
from mmresnet.engine.allocator import keep_freed_memory
from mmresnet.engine.assembly import import_packages, prepare_run
from mmresnet.engine.precision import configure_training
from mmresnet.engine.resume.data_order import SampleIndex
from mmresnet.engine.resume.hook import TrainingStateHook
from mmresnet.engine.resume.state import capture, gather_ranks

DIGITS = {"train_cfg.max_epochs": 1}
JPEGS = {
    "num_classes": 2,
    "batch_size": 16,
    "num_workers": 0,
    "train_cfg.max_epochs": 1,
    "val_dataloader": None,
    "val_evaluator": None,
    "val_cfg": None,
}


def median_of(calls: list[Callable[[], object]], number: int) -> list[float]:
    """Return the median time of each call in seconds, made alternately."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(number):
        for call, own in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            own.append(time.perf_counter() - start)
    return [statistics.median(own) for own in times]


def measure(name: str, config: str, folder: Path, options: dict, number: int) -> list[str]:
    """Train for an epoch, then time samples and saves; return a row of the table."""
    work_dir = str(folder / "work" / name)
    cfg = prepare_run(config, work_dir, {**options, "log_level": "ERROR"})
    configure_training(cfg, "cpu", None, amp=False)
    import_packages(cfg)
    from mmresnet.engine.runner import Runner as OwnRunner

    runner: Runner = OwnRunner.from_cfg(cfg, "all_but_heads")
    runner.train()
    steps = runner.message_hub.get_scalar("train/time").data[0][1:]  # the first one warms up
    step, data = statistics.median(steps), runner.train_loop.dataloader.dataset
    plain = data._seeded
    indices = [n % len(data) for n in range(runner.train_dataloader.batch_size)]
    places = [SampleIndex(index, 0, index) for index in indices]
    batch = [lambda: data.__getitems__(places), lambda: [plain[index] for index in indices]]
    with_seed, without = median_of(batch, number)
    seeding = with_seed - without

    saver = next(hook for hook in runner.hooks if type(hook).__name__ == "CheckpointHook")
    state = next(hook for hook in runner.hooks if isinstance(hook, TrainingStateHook))
    waits, gathers = [], []
    for _ in range(20):
        start = time.perf_counter()
        capture(runner, gather_ranks(runner), state.validated)
        gathers.append(time.perf_counter() - start)
        start = time.perf_counter()
        saver.save(runner, "iter_0.pth", {"epoch": 1, "iter": runner.iter})
        waits.append(time.perf_counter() - start)
        saver.settle(runner)
    wait, gather = statistics.median(waits), statistics.median(gathers)
    cost = seeding / step + wait / 60
    return [
        *(name, f"{1e3 * step:.1f} (n={len(steps)})", f"{1e3 * seeding:.2f} (n={number})"),
        *(f"{1e3 * wait:.1f} (n={len(waits)})", f"{1e3 * gather:.2f}", f"{100 * cost:.2f} %"),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-n", "--number", type=int, default=100, help="batches to time")
    args = parser.parse_args()
    print_heading(args.number)
    keep_freed_memory()
    header = (
        *("case", "step, ms", "seeding a step's samples, ms", "wait for a save, ms"),
        *("gather, ms", "together, at a save per minute"),
    )
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_digits(folder / "digits")
        options = {**DIGITS, "data_root": str(folder / "digits")}
        rows.append(measure("digits, ResNet-20", "digits_resnet20", folder, options, args.number))
        write_jpegs(folder / "jpegs", 320)
        options = {**JPEGS, "data_root": str(folder / "jpegs")}
        rows.append(measure("224², ResNet-18", "resnet18_8xb32_in1k", folder, options, args.number))
    print_table(header, rows)


if __name__ == "__main__":
    main()
