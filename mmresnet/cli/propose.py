"""Find the best boxes of a localizer in all images, and write them for R-CNN.

For training images (--split train) those of the image's own class, for test images also those of
the predicted classes, which the data set takes from its file of scores. The same command goes on
after an interruption.
"""

from __future__ import annotations

import argparse
import os

from mmresnet.cli import command

EXAMPLE = """\
  %(prog)s resnet101-rpn_8xb32_in1k-loc epoch_30.pth proposals/train --split train
  %(prog)s resnet101-rpn_8xb32_in1k-loc epoch_30.pth proposals/val --cfg-options \\
      test_dataloader.dataset.scores=scores.npz"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.engine.proposals.make_proposals`."""
    command.add_config_argument(parser)
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    parser.add_argument("folder", help="where the proposals go")
    parser.add_argument(
        "--split",
        choices=["train", "test"],
        default="test",
        help="whose images: the config's test set (default), or the training images of this set",
    )
    parser.add_argument("--count", type=int, default=200, help="boxes for each class (%(default)s)")
    parser.add_argument(
        "--batch-size", type=int, default=8, help="images computed at once (%(default)s)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=min(4, os.cpu_count() or 1),
        help="processes that load images (%(default)s)",
    )
    command.add_device(parser)
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write what is not there yet."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.engine.proposals import make_proposals
    from mmresnet.inference.progress_bar import progress_bar

    files, steps = make_proposals(
        args.config,
        args.checkpoint,
        args.folder,
        split=args.split,
        count=args.count,
        batch_size=args.batch_size,
        workers=args.workers,
        device=args.device,
        cfg_options=options,
    )
    kept = int(files.done.sum())
    with progress_bar("images", len(files.images) - kept, transient=True) as advance:
        for count in steps:
            if advance is not None:
                advance(count)
    images, classes, number = files.scores.shape
    before = f", {kept:,} of them by an earlier run" if kept else ""
    print(
        f"{args.folder}: {number} proposals for {classes} class{'es' * (classes > 1)} in each of "
        f"{images:,} images{before}"
    )
