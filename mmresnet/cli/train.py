"""Train a model from a config."""

import argparse
import os

from mmresnet.cli import command, early, launch
from mmresnet.memory import without_collection

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k --amp --cfg-options data_root=my_images num_classes=2
  %(prog)s resnet50_8xb32_in1k --nproc 8 --max-restarts 3
  %(prog)s resnet50_8xb32_in1k --nproc 8 --nnodes 1:4 --rdzv node0:29400"""


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
    parser.add_argument(
        "--val-loss", action="store_true", help="compute the loss of the validation set as well"
    )
    parser.add_argument(
        "--tracker",
        action="append",
        default=[],
        metavar="NAME",
        help="record the curves with tensorboard, wandb or mlflow as well; may be given again",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="train for a few steps only: print where their time went, and write a trace",
    )
    command.add_run_arguments(parser)
    launch.add_max_restarts(parser)


@without_collection()
def run(args: argparse.Namespace) -> None:
    """Train."""
    options = command.parse_options(args.cfg_options)
    if args.profile:  # before torch is imported, whose profiler writes to the terminal otherwise
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    launch.start_processes("train", args)
    if not launch.is_one_of_several_machines():  # where all have to hear of a mistake of one
        early.check_training(args, options)

    from mmresnet.apis import train

    if args.val_loss:
        options["val_cfg.loss"] = True
    if (count := launch.restarts()) and os.environ.get("RANK") == "0":
        print(f"All processes start again (restart {count}).", flush=True)
    train(
        args.config,
        work_dir=args.work_dir,
        resume=args.resume,
        amp=args.amp,
        precision=args.precision,
        auto_scale_lr=args.auto_scale_lr,
        cfg_options=options,
        launcher=args.launcher,
        device=args.device,
        verbose=args.verbose,
        profile=args.profile,
        trackers=args.tracker,
    )
