"""Count the parameters and multiply-adds of every net."""

import argparse
from pathlib import Path

EXAMPLE = """\
  %(prog)s --only ResNet-50
  %(prog)s --only ResNet-34 ResNet-152 VGG- --picture complexity.png
  %(prog)s --out complexity.md"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the selection and the files."""
    parser.add_argument(
        "--only", metavar="NAME", nargs="+", help="only rows whose name contains one of these"
    )
    parser.add_argument("--picture", metavar="FILE", help="draw the rows, such as complexity.png")
    parser.add_argument("--out", metavar="FILE", help="write the whole table, with an explanation")


def run(args: argparse.Namespace) -> None:
    """Print the rows as they are counted; write the table and the picture."""
    from mmengine.logging import MMLogger

    from mmresnet.errors import UserError
    from mmresnet.evaluation.complexity import COLUMNS, HEADER, measure, nets
    from mmresnet.visualization.complexity import plot_complexity

    chosen = [
        net for net in nets() if args.only is None or any(part in net[0] for part in args.only)
    ]
    if not chosen:
        raise UserError(
            f"No net has {' or '.join(map(repr, args.only))} in its name: 'mmresnet complexity' "
            "lists them all."
        )
    MMLogger.get_current_instance().setLevel("ERROR")  # no list of uncounted operators
    print(COLUMNS, end="")
    rows = []
    for net in chosen:
        rows.append(measure(*net))
        print(rows[-1].row(), flush=True)
    if args.out and args.only is None:
        text = HEADER + COLUMNS + "".join(f"{row.row()}\n" for row in rows)
        Path(args.out).write_text(text, encoding="utf-8")
        print(f"Written to {args.out}")
    if args.picture:
        plot_complexity(rows, args.picture)
        print(f"Wrote {args.picture}.")
