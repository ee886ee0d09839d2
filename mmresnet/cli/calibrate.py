"""Fit a temperature that makes a classifier as confident as it is right; store it with the weights.

Inference and exports then give scores that can be read as probabilities. No prediction changes.
"""

import argparse

from mmresnet.cli import command

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k work_dirs/resnet50_8xb32_in1k/epoch_100.pth
  %(prog)s resnet50_8xb32_in1k torchvision://resnet50 --out resnet50-calibrated.pth
  %(prog)s resnet50_8xb32_in1k epoch_100.pth --scores validation.npz
The temperature is fitted on the validation set; the net must not have been trained on it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.inference.calibrate.calibrate`."""
    command.add_config_argument(parser)
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write the weights with the temperature there, instead of replacing the checkpoint",
    )
    parser.add_argument(
        "--scores",
        metavar="FILE.npz",
        help="class scores that mmresnet test wrote, instead of computing those of the validation "
        "set",
    )
    command.add_device(parser)
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write the weights, and print what the temperature changes."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.apis import calibrate

    found = calibrate(
        args.config,
        args.checkpoint,
        out=args.out,
        scores=args.scores,
        cfg_options=options,
        device=args.device,
    )
    print(f"{found.images:,} images, accuracy {found.accuracy:.2%}")
    print(f"temperature {found.temperature:.4f}")
    print("scores          ECE  mean score  cross-entropy")
    for name, one in (("before", found.before), ("after", found.after)):
        print(f"{name:10}  {one.ece:6.2%}  {one.confidence:10.2%}  {one.cross_entropy:13.4f}")
    print("After: each fifth of the images with the temperature of the others.")
    print(f"Wrote {found.file}. No prediction changes; infer and export give calibrated scores.")
