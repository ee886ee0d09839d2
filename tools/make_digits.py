"""Write scikit-learn's handwritten digits as PNG files, in ImageNet's folder layout."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""example:
  python tools/make_digits.py data/digits
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", default="data/digits", help="default: data/digits")
    args = parser.parse_args(argv)

    from mmresnet.datasets.demo.digits import IMAGES, write_digits

    done = "Wrote" if write_digits(args.folder) else "Found"
    counts = f"{IMAGES['train']:,} images to train on and {IMAGES['val']} held out"
    print(f"{done} {counts} in {args.folder}.")


if __name__ == "__main__":
    sys.exit(cli.run(main))
