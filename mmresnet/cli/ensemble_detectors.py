"""Combine trained detectors, or localizers, into an ensemble, which is tested as one of them."""

import argparse
from pathlib import Path

from mmresnet.errors import UserError

EXAMPLE = """\
  %(prog)s --out work_dirs/ensemble config_a.py epoch_12_a.pth config_b.py epoch_12_b.pth
  mmresnet test work_dirs/ensemble/ensemble.py work_dirs/ensemble/ensemble.pth"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the members and the folder."""
    parser.add_argument(
        "members",
        nargs="+",
        metavar="CONFIG CHECKPOINT",
        help="two or more detectors, or localizers: of each a config or recipe, and a checkpoint",
    )
    parser.add_argument("--out", metavar="FOLDER", required=True, help="a new folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the ensemble, and print how to test it."""
    given = args.members
    if len(given) % 2 or len(given) < 4:
        raise UserError(
            f"Give a config and a checkpoint of each of two or more detectors: these are "
            f"{len(given)} names."
        )
    if Path(args.out).exists():
        raise UserError(f"--out: '{args.out}' exists: name a new folder for the ensemble.")

    from mmresnet.detection.combine import combine_detectors

    members = list(zip(given[::2], given[1::2], strict=True))
    written = combine_detectors(members, args.out)
    for note in written.notes:
        print(f"Note: {note}")
    print(f"An ensemble of {len(members)} members. To test it:")
    print(f"mmresnet test {written.config} {written.checkpoint}")
