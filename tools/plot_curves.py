"""Draw the loss, validation metrics and learning rate of a training run."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""example:
  python tools/plot_curves.py work_dirs/digits_resnet20 curves.png
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work_dir", help="the --work-dir of tools/train.py")
    parser.add_argument("picture", help="the file to write, such as curves.png")
    args = parser.parse_args(argv)

    from mmresnet.visualization.curves import plot_curves

    plot_curves(args.work_dir, args.picture)
    print(f"Wrote {args.picture}.")


if __name__ == "__main__":
    sys.exit(cli.run(main))
