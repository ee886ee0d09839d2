"""Read all images of a config's data sets, and report the bad ones."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mmresnet.atomic import atomic_write
from mmresnet.cli import command
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmresnet.datasets.check import SetReport

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k --cfg-options data_root=my_images
  %(prog)s configs/custom/faster-rcnn_r18_fpn_scratch.py --json report.json"""

SETS = ("train", "val", "test")
_FEW = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config, and what to read how."""
    command.add_config_argument(parser)
    parser.add_argument(
        "--sets", nargs="+", choices=SETS, default=SETS, help="which sets (default: all)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        help="processes that read (default: %(default)s, one for each processor)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the whole report to a file as well")
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Read, print a report, and exit with 1 if a file or a box cannot be used."""
    options = command.parse_options(args.cfg_options)
    if args.workers < 0:
        raise UserError(f"--workers {args.workers}: give the number of processes, or 0.")

    from mmresnet.engine.assembly import prepare

    reports = check(prepare(args.config, options), args.sets, args.workers)
    for name, report in reports.items():
        print("\n".join(describe(name, report)))
    shared = overlaps(reports)
    for (first, second), pairs in shared.items():
        a, b = pairs[0]
        print(f"{first} and {second} share {_files(len(pairs))}, such as '{a}' and '{b}'")
    if args.json:
        with atomic_write(args.json) as file:
            json.dump(as_json(reports, shared), file, indent=1)
        print(f"Wrote {args.json}.")
    if any(report.bad or report.boxes_outside for report in reports.values()):
        sys.exit(1)


def check(cfg: Config, sets: list[str], workers: int) -> dict[str, SetReport]:
    """Return a report for each set of a config; a set that another one equals has none.

    Raises:
        UserError: A set cannot be built, as before a training.
    """
    from mmengine.logging import MMLogger
    from mmengine.registry import DATASETS

    from mmresnet.config.walk import parts
    from mmresnet.datasets import check as files
    from mmresnet.engine.assembly import building
    from mmresnet.inference.progress_bar import progress_bar

    MMLogger.get_current_instance().setLevel("ERROR")  # the report has it
    reports: dict[str, SetReport] = {}
    seen: list[Any] = []
    for name in sets:
        settings = (cfg.get(f"{name}_dataloader") or {}).get("dataset")
        if settings is None or _source(settings) in seen:
            continue
        seen.append(_source(settings))
        for _, part in parts(settings):
            if str(part.get("type")).startswith("mmresnet.") and "on_bad_sample" in part:
                part["on_bad_sample"] = "skip"  # so that it is built whatever it holds
        with building(cfg):
            built = DATASETS.build(settings)
        datasets = list(files.parts_of(built))
        reports[name] = report = files.report_on(datasets)
        for dataset in filter(files.has_files, datasets):
            with progress_bar(name, len(dataset), transient=True) as advance:
                for read in files.read_files(dataset, workers):
                    for file in read:
                        report.add(file)
                    if advance is not None:
                        advance(len(read))
    if not reports:
        raise UserError(f"The config has no data set for {' or '.join(sets)}.")
    return reports


def _source(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what decides which files a set holds."""
    return {k: v for k, v in settings.items() if k not in ("pipeline", "test_mode")}


def describe(name: str, report: SetReport) -> Iterator[str]:
    """Yield the lines of the report on a set; the JSON file has all of it."""
    in_class = report.in_class
    of = f" of {len(in_class):,} classes" if in_class else ""
    images = f"{report.images:,} images" if report.images else "no image files"
    yield f"{name}: {images}{of}, {len(report.bad):,} bad"
    if in_class:
        fewest, most = (f(in_class, key=in_class.__getitem__) for f in (min, max))
        yield (
            f"  per class  {in_class[fewest]:,} ('{fewest}') to {in_class[most]:,} ('{most}')"
            if in_class[fewest] < in_class[most]
            else f"  per class  {in_class[most]:,}"
        )
    if report.formats:
        yield f"  formats    {', '.join(f'{k} {n:,}' for k, n in report.formats.most_common())}"
    if report.sizes:
        small, large = (f(report.sizes, key=_area) for f in (min, max))
        common, count = report.sizes.most_common(1)[0]
        yield (
            f"  sizes      {_by(small)} to {_by(large)}; most often {_by(common)}, {count:,} times"
        )
    if report.not_taken:
        yield f"  not taken  {_files(len(report.not_taken))}: {_first(report.not_taken)}"
    if report.copies:
        pairs = [f"'{a}' = '{b}'" for a, b in report.copies]
        yield f"  copies     {_files(len(pairs))} with the content of another: {_first(pairs)}"
    if report.boxes_outside:
        boxes = [f"annotation {number} of '{file}'" for number, file in report.boxes_outside]
        yield f"  outside    {len(boxes):,} boxes outside of their image: {_first(boxes)}"
    if report.bad:
        yield "  bad"
        yield from (f"    '{path}': {reason}" for path, reason in report.bad.items())


def overlaps(reports: dict[str, SetReport]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return the images that sets share, by pairs of sets."""
    names = list(reports)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    found = {(a, b): reports[a].shared_with(reports[b]) for a, b in pairs}
    return {pair: shared for pair, shared in found.items() if shared}


def as_json(
    reports: dict[str, SetReport], shared: dict[tuple[str, str], list[tuple[str, str]]]
) -> dict[str, Any]:
    """Return all of the report as JSON's types."""
    return {
        "sets": {
            name: {
                "images": report.images,
                "in_class": report.in_class,
                "formats": dict(report.formats),
                "sizes": {_by(size): count for size, count in report.sizes.items()},
                "bad": report.bad,
                "boxes_outside": report.boxes_outside,
                "not_taken": report.not_taken,
                "copies": report.copies,
            }
            for name, report in reports.items()
        },
        "shared": {" and ".join(pair): pairs for pair, pairs in shared.items()},
    }


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _files(count: int) -> str:
    return f"{count:,} file{'s' * (count != 1)}"


def _first(texts: list[str]) -> str:
    more = len(texts) - _FEW
    return ", ".join(texts[:_FEW]) + (f" and {more:,} more" if more > 0 else "")
