"""Evaluate a checkpoint on the test set of a config."""

import argparse
import os

from mmresnet.cli import command, early, launch

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k work_dirs/resnet50_8xb32_in1k/epoch_100.pth
  %(prog)s resnet50_8xb32_in1k torchvision://resnet50"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.apis.test`."""
    command.add_config_argument(parser)
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    command.add_run_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Print the metrics."""
    options = command.parse_options(args.cfg_options)
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
    )
    for name, value in metrics.items() if os.environ.get("RANK", "0") == "0" else ():
        print(f"{name}: {value:.4f}")
