"""Count the parameters and multiply-adds of every net."""

import argparse
from pathlib import Path

EXAMPLE = """\
  %(prog)s --only ResNet-50
  %(prog)s --out complexity.md"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the selection and the file."""
    parser.add_argument("--only", metavar="NAME", help="print only rows whose name contains NAME")
    parser.add_argument("--out", metavar="FILE", help="write the whole table, with an explanation")


def run(args: argparse.Namespace) -> None:
    """Print the rows as they are counted; write the table."""
    from mmengine.logging import MMLogger

    from mmresnet.evaluation.complexity import COLUMNS, HEADER, measure, nets

    MMLogger.get_current_instance().setLevel("ERROR")  # no list of uncounted operators
    print(COLUMNS, end="")
    rows = []
    for name, input_size, make in nets():
        if args.only is None or args.only in name:
            rows.append(measure(name, input_size, make).row())
            print(rows[-1], flush=True)
    if args.out and args.only is None:
        text = HEADER + COLUMNS + "\n".join(rows) + "\n"
        Path(args.out).write_text(text, encoding="utf-8")
        print(f"Written to {args.out}")
