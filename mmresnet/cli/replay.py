"""Compute the batch again at which a training got a non-finite loss or gradient."""

import argparse

from mmresnet.cli import command

EXAMPLE = """\
  %(prog)s work_dirs/resnet50_8xb32_in1k/resnet50_8xb32_in1k.py \\
      work_dirs/resnet50_8xb32_in1k/non_finite/iter_1234.pth"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.engine.watch.batch_file.replay_batch`."""
    command.add_config_argument(parser)
    parser.add_argument("batch", help="a file in the folder 'non_finite' of the work dir")
    command.add_device(parser)
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print the losses and the first non-finite value, in float32 and as in the training."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.engine.assembly import choose_device, prepare
    from mmresnet.engine.watch.batch_file import describe, replay_batch

    cfg = prepare(args.config, options)
    replays = replay_batch(cfg, args.batch, choose_device(args.device))
    print(describe(args.batch, replays))
