"""Train a model from a config."""

import argparse

from mmresnet.cli import command, launch

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k --amp --cfg-options data_root=my_images num_classes=2
  %(prog)s resnet50_8xb32_in1k --nproc 8"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.apis.train`."""
    command.add_config_argument(parser)
    parser.add_argument(
        "--resume",
        nargs="?",
        const=True,
        default=False,
        metavar="PATH",
        help="continue from the latest checkpoint of the work dir, or from PATH",
    )
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate to the batch size"
    )
    command.add_run_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Train."""
    options = command.parse_options(args.cfg_options)
    launch.start_processes("train", args)

    from mmresnet.apis import train

    train(
        args.config,
        work_dir=args.work_dir,
        resume=args.resume,
        amp=args.amp,
        auto_scale_lr=args.auto_scale_lr,
        cfg_options=options,
        launcher=args.launcher,
        device=args.device,
        verbose=args.verbose,
    )
