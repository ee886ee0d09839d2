"""Draw the loss, validation metrics and learning rate of a training run."""

import argparse

EXAMPLE = "  %(prog)s work_dirs/digits_resnet20 curves.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the run and the picture."""
    parser.add_argument("work_dir", help="the --work-dir of the training")
    parser.add_argument("picture", help="the file to write, such as curves.png")


def run(args: argparse.Namespace) -> None:
    """Write the picture."""
    from mmresnet.visualization.curves import plot_curves

    plot_curves(args.work_dir, args.picture)
    print(f"Wrote {args.picture}.")
