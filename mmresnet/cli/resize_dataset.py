"""Copy a folder of images with smaller images, which load faster.

The shorter side of each image becomes --size pixels long; smaller images are copied as they are.
Folders, file names and lists of files stay the same, so that TARGET takes the place of SOURCE:
--cfg-options data_root=TARGET. A resized .png holds JPEG data under its name, which all readers
tell by the content. Boxes and masks would no longer fit, so this is for classification. SOURCE is
only read.

The same command goes on after an interruption or a full disk. The exit code is 1 if an image cannot
be used, or if TARGET holds files that SOURCE does not.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmresnet.datasets.resizing.folder import Report

EXAMPLE = """\
  %(prog)s data/imagenet data/imagenet-256
  %(prog)s data/imagenet data/imagenet-320 --size 320 --workers 32
  %(prog)s data/imagenet data/imagenet-256 --verify"""

_FEW = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folders, and how images are made smaller."""
    parser.add_argument("source", type=Path, help="a folder of images or of folders of images")
    parser.add_argument("target", type=Path, help="where the copy goes")
    parser.add_argument(
        "--size", type=int, default=256, help="the shorter side in pixels (%(default)s)"
    )
    parser.add_argument(
        "--quality", type=int, default=90, help="of the JPEG files, 1 to 100 (%(default)s)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        help="processes that work (default: %(default)s, one for each processor)",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read all of what an earlier run has written, and write damaged files again",
    )


def run(args: argparse.Namespace) -> None:
    """Write what is not there yet, print a report, and exit with 1 if something is bad."""
    if args.size < 8:
        raise UserError(f"--size {args.size}: give at least 8 pixels.")
    if not 1 <= args.quality <= 100:
        raise UserError(f"--quality {args.quality}: give a number from 1 to 100.")
    if args.workers < 0:
        raise UserError(f"--workers {args.workers}: give the number of processes, or 0.")

    from mmresnet.datasets.resizing.folder import ResizedFolder
    from mmresnet.datasets.resizing.image import Settings
    from mmresnet.inference.progress_bar import progress_bar

    settings = Settings(args.size, args.quality)
    folder = ResizedFolder(args.source, args.target, settings)
    with progress_bar("images", folder.report.images, transient=True) as advance:
        for count in folder.make(args.workers, args.verify):
            if advance is not None:
                advance(count)
    print("\n".join(describe(folder.report, args.source, args.target)))
    if folder.report.bad or folder.report.unknown:
        sys.exit(1)


def describe(report: Report, source: Path, target: Path) -> Iterator[str]:
    """Yield the lines of the report."""
    done = report.resized + report.copied
    kept = f" ({report.kept:,} by an earlier run)" if report.kept else ""
    yield (
        f"{target}: {done:,} of {report.images:,} images{kept}, {report.resized:,} resized and "
        f"{report.copied:,} copied as they are"
    )
    yield f"  size         {_megabytes(report.source_bytes)} -> {_megabytes(report.bytes)}"
    if report.not_copied:
        yield f"  not copied   {_listed(report.not_copied)}"
    if report.unknown:
        yield f"  to delete    not in the source: {_listed(report.unknown)}"
    if report.bad:
        yield f"  bad          {len(report.bad):,}"
        yield from (f"    '{source / path}': {reason}" for path, reason in report.bad.items())


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _listed(paths: list[str]) -> str:
    more = len(paths) - _FEW
    files = f"{len(paths):,} file{'s' * (len(paths) != 1)}"
    return f"{files}: {', '.join(paths[:_FEW])}" + (f" and {more:,} more" if more > 0 else "")
