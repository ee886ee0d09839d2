"""Write pictures of one large digit each, with its box, in ILSVRC's layout."""

import argparse

EXAMPLE = "  %(prog)s data/digit_localization"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument(
        "folder", nargs="?", default="data/digit_localization", help="default: %(default)s"
    )


def run(args: argparse.Namespace) -> None:
    """Write what is not there yet."""
    from mmresnet.datasets.demo import digit_localization as digits

    done = "Wrote" if digits.write_digit_localization(args.folder) else "Found"
    boxes = round(digits.PICTURES["train"] * digits.ANNOTATED["train"])
    print(
        f"{done} {digits.PICTURES['train']:,} pictures to train on, {boxes:,} of them with a box, "
        f"and {digits.PICTURES['val']:,} held out in {args.folder}."
    )
