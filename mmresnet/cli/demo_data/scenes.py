"""Write scenes of handwritten digits among clutter, with COCO annotations."""

import argparse

EXAMPLE = "  %(prog)s data/digit_scenes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument(
        "folder", nargs="?", default="data/digit_scenes", help="default: %(default)s"
    )


def run(args: argparse.Namespace) -> None:
    """Write what is not there yet."""
    from mmresnet.datasets.demo.digit_scenes import SCENES, write_digit_scenes

    done = "Wrote" if write_digit_scenes(args.folder) else "Found"
    counts = f"{SCENES['train']} scenes to train on and {SCENES['val']} held out"
    print(f"{done} {counts} in {args.folder}.")
