"""Evaluate a checkpoint on the test set of a config."""

import argparse
import os

from mmresnet.cli import command, early, launch
from mmresnet.errors import UserError
from mmresnet.memory import without_collection

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k work_dirs/resnet50_8xb32_in1k/epoch_100.pth
  %(prog)s resnet50_8xb32_in1k torchvision://resnet50
  %(prog)s resnet50_8xb32_in1k torchvision://resnet50 --protocol ten-crop
  %(prog)s resnet50_8xb32_in1k torchvision://resnet50 --protocol dense --scales 224 256 384 \\
      --scores resnet50.npz"""

_PROTOCOLS = ("recipe", "ten-crop", "dense")  # as in mmresnet.engine.protocols, which needs torch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.apis.test`."""
    command.add_config_argument(parser)
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    parser.add_argument(
        "--protocol",
        choices=_PROTOCOLS,
        default="recipe",
        help="of a classifier: the config's own test pipeline (default), the average over ten "
        "crops, or whole images at several scales",
    )
    parser.add_argument(
        "--scales",
        nargs="+",
        type=int,
        metavar="PIXELS",
        help="short sides for --protocol dense (224 256 384 480 640 for crops of 224)",
    )
    parser.add_argument(
        "--scores", metavar="FILE.npz", help="write a classifier's scores, for mmresnet ensemble"
    )
    command.add_run_arguments(parser)


@without_collection()
def run(args: argparse.Namespace) -> None:
    """Print the metrics."""
    options = command.parse_options(args.cfg_options)
    if args.scales and args.protocol != "dense":
        raise UserError(
            f"--scales are the short sides of dense testing, and the protocol is "
            f"'{args.protocol}': add --protocol dense."
        )
    if args.scores:
        from mmresnet.datasets.class_scores import check_place

        check_place(args.scores)
    launch.start_processes("test", args)
    early.check_test(args, options)

    from mmresnet.apis import test

    metrics = test(
        args.config,
        args.checkpoint,
        work_dir=args.work_dir,
        amp=args.amp,
        precision=args.precision,
        cfg_options=options,
        launcher=args.launcher,
        device=args.device,
        verbose=args.verbose,
        protocol=args.protocol,
        scales=args.scales,
        scores=args.scores,
    )
    for name, value in metrics.items() if os.environ.get("RANK", "0") == "0" else ():
        print(f"{name}: {value:.4f}")
    if args.scores and os.environ.get("RANK", "0") == "0":
        print(f"Wrote {args.scores}")
