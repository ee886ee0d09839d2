"""Write scenes of handwritten digits among clutter, with boxes in COCO's format."""

import argparse
import sys

from mmresnet.cli import command as cli

FOLDER = "data/digit_scenes"
EXAMPLE = f"""example:
  python tools/make_digit_scenes.py {FOLDER}
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", default=FOLDER, help=f"default: {FOLDER}")
    args = parser.parse_args(argv)

    from mmresnet.datasets.demo.digit_scenes import SCENES, write_digit_scenes

    done = "Wrote" if write_digit_scenes(args.folder) else "Found"
    counts = f"{SCENES['train']} scenes to train on and {SCENES['val']} held out"
    print(f"{done} {counts} in {args.folder}.")


if __name__ == "__main__":
    sys.exit(cli.run(main))
