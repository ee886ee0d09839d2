"""Draw test images with a classifier's predictions, the wrong ones first."""

import argparse

from mmresnet.cli import command

EXAMPLE = "  %(prog)s digits_resnet20 work_dirs/digits_resnet20/epoch_20.pth predictions.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model and the picture."""
    command.add_config_argument(parser)
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    parser.add_argument("picture", help="the file to write, such as predictions.png")
    parser.add_argument("--count", type=int, default=40, help="number of images (default: 40)")
    command.add_device(parser)
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write the picture, and print how many images are classified correctly."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.inference.predictions import predict
    from mmresnet.visualization.predictions import plot_predictions

    predictions = predict(args.config, args.checkpoint, args.count, options, args.device)
    plot_predictions(predictions, args.picture)
    correct, total = predictions.correct, predictions.total
    print(f"Wrote {args.picture}; {correct:,} of {total:,} images are classified correctly.")
