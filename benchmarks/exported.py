"""Compare exported models with PyTorch: latency, images per second, size, memory, accuracy.

    mmresnet export RECIPE CHECKPOINT --to onnx --out a
    mmresnet export RECIPE CHECKPOINT --to openvino --int8 --out b
    mmresnet benchmark exported a b
    mmresnet benchmark exported a b -n 20 --number 5000 --cfg-options data_root=DIR

Prints a Markdown table. Every model has a process of its own, that runs the folder's run.py, and
they are called in turn: in each of n rounds 10 single images and a batch of 16 (detectors: single
images alone). Latency is the time of one call with one image in memory to the scores or boxes, its
median and 95th percentile over all rounds; images per second are medians; memory is the peak of
the process, libraries included; "ratio" is the median of the rounds' ratios of the speed to that
of the first line, in batches where there are any. The first two lines are the model that the
folders are of: in PyTorch in float32, and as `mmresnet infer` runs it by default. Accuracy is top-1
or COCO's AP on up to --number images of the recipe's validation set.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _measuring import print_heading, print_table

from mmresnet.cli.command import add_cfg_options, parse_options
from mmresnet.errors import UserError
from mmresnet.export.folder import Export, open_export

CALLS, BATCH = 10, 16
PYTORCH = {"PyTorch, float32": "eager", "mmresnet infer": "inferencer"}


class Process:
    """A model in a process; see `_exported_process.py` for the requests."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  until close
        script = Path(__file__).with_name("_exported_process.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), kind, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, name: str, **arguments: Any) -> Any:
        """Return the answer to a request.

        Raises:
            RuntimeError: The process has failed; with the end of what it printed.
        """
        assert self._process.stdin and self._process.stdout
        print(json.dumps([name, arguments]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            self._errors.seek(0)
            raise RuntimeError(self._errors.read()[-2000:])
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._errors.close()


def measure(
    models: dict[str, Process], images: str, rounds: int, batches: tuple[int, ...]
) -> dict[str, dict[int, list[list[float]]]]:
    """Return the seconds of the calls of each model, by the batch, a list for each round."""
    times: dict[str, Any] = {name: {batch: [] for batch in batches} for name in models}
    for number in range(rounds + 1):
        for name, model in models.items():
            show(f"round {number} of {rounds}: {name}")
            for batch in batches:
                calls = CALLS if batch == 1 else 1
                taken = model.ask("times", images=images, batch=batch, calls=calls)
                if number:  # the first is not counted
                    times[name][batch].append(taken)
    return times


def show(text: str) -> None:
    """Show what is being done, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def row(
    times: dict[int, list[list[float]]], first: dict[int, list[list[float]]]
) -> tuple[str, ...]:
    """Return latencies in ms, images per second at each batch, and the ratio to the first model."""
    single = 1e3 * np.concatenate(times[1])
    speeds = {
        batch: batch / statistics.median(map(statistics.median, rounds))
        for batch, rounds in times.items()
    }
    largest = max(times)
    ratio = statistics.median(
        statistics.median(a) / statistics.median(b)
        for a, b in zip(first[largest], times[largest], strict=True)
    )
    latency = (f"{np.percentile(single, percent):.1f}" for percent in (50, 95))
    throughput = (f"{speeds[n]:.1f}" if n in speeds else "–" for n in (1, BATCH))
    return (*latency, *throughput, f"{ratio:.2f}")


def title(export: Export) -> str:
    """Return the name of a line: format, precision, folder."""
    report = export.report
    return f"{export.target.title}, {report['precision']} (`{export.folder}`)"


def same_model(exports: list[Export]) -> Export:
    """Return the first of folders of one model.

    Raises:
        UserError: They are of several models.
    """
    for one in exports[1:]:
        if one.report["model"]["checkpoint"] != exports[0].report["model"]["checkpoint"]:
            raise UserError(
                f"'{exports[0].folder}' and '{one.folder}' are of different checkpoints: compare "
                "those of one."
            )
    return exports[0]


def example(export: Export, options: dict[str, Any]) -> np.ndarray:
    """Return an image of the size that the recipe prepares, (1, H, W, 3) uint8."""
    from mmresnet.engine.assembly import prepare
    from mmresnet.export.preparation import prepare_like
    from mmresnet.export.samples import find_samples

    model = export.report["model"]
    cfg = prepare(model["config"], {**model["cfg_options"], **options})
    return find_samples(cfg, prepare_like(cfg), [], 1).images[0][None]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="what mmresnet export wrote")
    parser.add_argument("-n", type=int, default=10, help="rounds (10)")
    parser.add_argument("--number", type=int, default=1000, help="images for accuracy (1000)")
    add_cfg_options(parser)
    args = parser.parse_args()
    options = parse_options(args.cfg_options)
    try:
        exports = [open_export(folder) for folder in args.folders]
        first = same_model(exports)
    except UserError as error:
        parser.error(str(error))
    fixed = any(one.report["input"]["shape"][0] is not None for one in exports)
    batches = (1,) if fixed else (1, BATCH)
    models = {name: Process(kind, first.folder) for name, kind in PYTORCH.items()}
    models |= {title(one): Process("exported", one.folder) for one in exports}
    print_heading(args.n)
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, example(first, options))
        file.flush()
        times = measure(models, file.name, args.n, batches)
    memory = {name: model.ask("memory") for name, model in models.items()}
    load = {name: model.ask("load") for name, model in models.items()}
    accuracy = {}
    for name, model in models.items():
        show(f"accuracy: {name}")
        accuracy[name] = model.ask("accuracy", number=args.number, options=options)
        model.close()
    show("")
    size = {title(one): f"{sum(one.report['bytes'].values()) / 1e6:.1f}" for one in exports}
    reference = next(iter(times.values()))
    rows = [
        (
            *(name, *row(taken, reference), size.get(name, "–")),
            *(f"{memory[name]:.0f}", f"{load[name]:.1f}"),
            "–" if accuracy[name][0] is None else f"{accuracy[name][0]:.2f}",
        )
        for name, taken in times.items()
    ]
    _, source, number = next(iter(accuracy.values()))
    print_table(
        (
            *("", "p50, ms", "p95, ms", "images/s at 1", f"at {BATCH}", "ratio"),
            *("size, MB", "memory, MB", "load, s", f"{metric(first)}, %"),
        ),
        rows,
    )
    print(f"\nAccuracy on {number} images of {source}.")


def metric(export: Export) -> str:
    """Return what accuracy is called."""
    return "AP" if export.report["kind"] == "detector" else "top-1"


if __name__ == "__main__":
    main()
