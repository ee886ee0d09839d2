"""Turn the archives of a data set, as downloaded, into the folder that recipes read.

SOURCE is the folder with the archives, under their publishers' names; it is only read, and nothing
is downloaded. Checksums are verified before the first file is written to TARGET. A file there with
another content is an error, not overwritten.

With --shards the images then become shards: tar files of many images with an index, in a folder or
an S3-compatible object store, which recipes read by data_root=s3://bucket/folder. FOLDER in the
place of a data set takes a folder that is there already.

The same command goes on after an interruption or a full disk.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from mmresnet.datasets.preparing.data_set import DataSet
    from mmresnet.datasets.preparing.folder import Report

EXAMPLE = """\
  %(prog)s imagenet downloads data/imagenet
  %(prog)s imagenet-loc downloads data/ILSVRC
  %(prog)s imagenet-det downloads data/ILSVRC --val1 val1.txt --val2 val2.txt
  %(prog)s voc downloads data
  %(prog)s coco downloads data/coco
  %(prog)s cifar10 downloads data/cifar10
  %(prog)s cifar10 downloads data/cifar10_images --images
  %(prog)s imagenet downloads data/imagenet --shards s3://bucket/imagenet
  %(prog)s folder data/coco --shards s3://bucket/coco"""

DATA_SETS = ("imagenet", "imagenet-loc", "imagenet-det", "voc", "coco", "cifar10")
FOLDER = "folder"
_SHARDED = ("imagenet", "coco", FOLDER)
_MOST_LINES = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to prepare, from where, to where, and how."""
    parser.add_argument("data_set", help=", ".join((*DATA_SETS, FOLDER)))
    parser.add_argument("source", type=Path, help="the folder with the archives, or with images")
    parser.add_argument("target", type=Path, nargs="?", help="where the files go")
    parser.add_argument(
        "--shards", metavar="DIR|s3://…", help="write them as shards, too: imagenet, coco, folder"
    )
    parser.add_argument(
        "--shard-size", type=float, default=64, metavar="MB", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--images", action="store_true", help="cifar10: write PNG files in class folders"
    )
    parser.add_argument(
        "--val1", type=Path, metavar="FILE", help="imagenet-det: the list of images of val1"
    )
    parser.add_argument("--val2", type=Path, metavar="FILE", help="imagenet-det: that of val2")
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        help="threads that write (default: %(default)s, one for each processor)",
    )
    parser.add_argument(
        "--no-checksum",
        action="store_true",
        help="take archives with another checksum than the published one",
    )


def run(args: argparse.Namespace) -> None:
    """Write what is not there yet, and print what there is and what is missing."""
    _check(args)
    if args.data_set != FOLDER:
        _prepare(args)
    if args.shards:
        _pack(args)


def _prepare(args: argparse.Namespace) -> None:
    from mmresnet.datasets.preparing.data_set import missing
    from mmresnet.datasets.preparing.folder import Preparation

    data_set = _data_set(args)
    name = args.data_set + "-images" * args.images
    preparation = Preparation(data_set, name, args.source, args.target, not args.no_checksum)
    report = preparation.run(args.workers, _bar)
    print("\n".join(describe(report, args.target)))
    unverified = [one.file for one in preparation.found if args.no_checksum or one.md5 is None]
    if unverified:
        print(f"  not compared with a published checksum: {', '.join(unverified)}")
    for text in missing(data_set, preparation.found):
        print(f"  missing  {text}")


def _pack(args: argparse.Namespace) -> None:
    from mmresnet.datasets.shards.packing import pack

    folder = args.source if args.data_set == FOLDER else args.target
    packed = pack(folder, args.shards, int(args.shard_size * 1e6), _bar)
    kept = f", {packed.kept:,} of them by an earlier run" if packed.kept else ""
    print(
        f"{args.shards}: {packed.images:,} images in {packed.shards:,} shards{kept}, "
        f"{packed.files:,} other files, {_size(packed.bytes)}"
    )


def _check(args: argparse.Namespace) -> None:
    known = (*DATA_SETS, FOLDER)
    if args.data_set not in known:
        raise UserError(
            f"There is no data set '{args.data_set}'.{did_you_mean(args.data_set, known)} "
            f"There are {', '.join(known)}."
        )
    if args.shards and args.data_set not in _SHARDED:
        raise UserError(f"--shards is for {', '.join(_SHARDED)}, not for {args.data_set}.")
    if not args.shard_size > 0:
        raise UserError(f"--shard-size {args.shard_size:g}: give megabytes, more than 0.")
    if args.data_set == FOLDER and (args.target or not args.shards):
        raise UserError("folder takes the folder with the images, and --shards for where they go.")
    if args.data_set != FOLDER and args.target is None:
        raise UserError(f"{args.data_set} needs a folder to write to, after that of the archives.")
    for option, owner in (
        ("images", "cifar10"),
        ("val1", "imagenet-det"),
        ("val2", "imagenet-det"),
    ):
        if getattr(args, option) and args.data_set != owner:
            raise UserError(f"--{option} is for {owner}, not for {args.data_set}: leave it out.")
    if args.workers < 1:
        raise UserError(f"--workers {args.workers}: give the number of threads, at least 1.")


def _data_set(args: argparse.Namespace) -> DataSet:
    """Return the data set; others are not imported."""
    match args.data_set:
        case "imagenet":
            from mmresnet.datasets.preparing.imagenet import ImageNet

            return ImageNet()
        case "imagenet-loc":
            from mmresnet.datasets.preparing.imagenet import ImageNetLoc

            return ImageNetLoc()
        case "imagenet-det":
            from mmresnet.datasets.preparing.imagenet_det import ImageNetDet

            return ImageNetDet(args.val1, args.val2)
        case "voc":
            from mmresnet.datasets.preparing.voc import VOC

            return VOC()
        case "coco":
            from mmresnet.datasets.preparing.coco import COCO

            return COCO()
    from mmresnet.datasets.preparing.cifar10 import CIFAR10, CIFAR10Images

    return CIFAR10Images() if args.images else CIFAR10()


def describe(report: Report, target: Path) -> Iterator[str]:
    """Yield the lines of the report: the folders as deep as there are few of them."""
    new = report.files > report.kept
    how = f", {report.kept:,} of them by an earlier run" if new and report.kept else ""
    done = "" if new else ": it was complete, and nothing was written"
    yield f"{target}: {report.files:,} files, {_size(report.bytes)}{how}{done}"
    groups: dict[str, list[int]] = {}
    for depth in range(1, 1 + max(len(path.split("/")) for path in report.folders)):
        deeper: dict[str, list[int]] = {}
        for path, count in sorted(report.folders.items()):
            deeper.setdefault("/".join(path.split("/")[:depth]), []).append(count)
        if groups and len(deeper) > _MOST_LINES:
            break
        groups = deeper
    for path, counts in groups.items():
        folders = f" in {len(counts):,} folders" if len(counts) > 1 else ""
        yield f"  {path}: {sum(counts):,} files{folders}"
    for archive, count in report.left_out.items():
        yield f"  left out  {count:,} files of {archive} that no recipe reads"


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


@contextlib.contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], object]]:
    """Show how much is done, at which speed, and the time left, if stdout is a terminal."""
    if not (total and sys.stdout.isatty()):
        yield lambda count: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        *(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()),
        *(TextColumn("time left"), TimeRemainingColumn()),
    )
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count: bar.advance(task, count)
