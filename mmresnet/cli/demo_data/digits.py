"""Write scikit-learn's handwritten digits as PNG files, a folder per class."""

import argparse

EXAMPLE = "  %(prog)s data/digits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument("folder", nargs="?", default="data/digits", help="default: %(default)s")


def run(args: argparse.Namespace) -> None:
    """Write what is not there yet."""
    from mmresnet.datasets.demo.digits import IMAGES, write_digits

    done = "Wrote" if write_digits(args.folder) else "Found"
    counts = f"{IMAGES['train']:,} images to train on and {IMAGES['val']} held out"
    print(f"{done} {counts} in {args.folder}.")
