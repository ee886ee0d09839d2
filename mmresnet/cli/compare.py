"""Compare runs: curves, settings, predictions, and whether their difference can be chance.

Runs are trainings or tests of the same data set. The page has the images that one run gets right
and another wrong; the table has McNemar's test for classifiers, and a bootstrap over the images for
the AP of detectors, with Holm's correction for several pairs.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmresnet.report.compare.write import Comparison

EXAMPLE = """\
  %(prog)s work_dirs/resnet20 work_dirs/resnet56
  %(prog)s work_dirs/resnet* --out resnets.html"""
_MOST_SETTINGS = 12  # in the terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the runs, and where the page goes."""
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="the --work-dir of a training or a test; two or more"
    )
    parser.add_argument(
        "--out", default="compare.html", metavar="FILE", help="the page to write (compare.html)"
    )
    parser.add_argument(
        "--split",
        choices=["test", "val"],
        help="whose predictions to compare (test if all runs have them, else val)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the page, and print its tables."""
    from mmresnet.report.compare.write import write_comparison

    if not Path(args.out).absolute().parent.is_dir():
        raise UserError(f"--out: there is no folder '{Path(args.out).parent}': make it first.")
    found = write_comparison(args.runs, args.out, args.split)
    print("\n".join(_lines(found)))
    print(f"Wrote {found.path} ({found.path.stat().st_size / 1e6:.1f} MB).")


def _lines(found: "Comparison") -> list[str]:
    from mmresnet.report.compare.pairs import method, pair_rows, verdicts
    from mmresnet.report.compare.write import UNTESTED

    names = found.runs.names
    if not found.pairs:
        lines = [UNTESTED]
    else:
        figures = zip(*(found.figures[name] for name in found.figures), strict=True)
        rows = [
            [name, *(f"{v:.2f}" for v in own)] for name, own in zip(names, figures, strict=True)
        ]
        header, pairs = pair_rows(names, found.pairs)
        lines = [
            _describe(found),
            *_table(["run", *found.figures], rows, texts=1),
            "",
            *_table(header, pairs, texts=2),
            *verdicts(names, found.pairs),
            method(found.pairs, next(iter(found.figures)).removesuffix(", %")),
        ]
    return [*lines, *_settings(found)]


def _describe(found: "Comparison") -> str:
    runs = found.runs
    one = runs.scores[0] if runs.scores else runs.detections[0]
    classes = len(runs.scores[0].classes if runs.scores else runs.detections[0].categories)
    return f"{len(one.images):,} images ({runs.split}) of {classes:,} classes"


def _settings(found: "Comparison") -> list[str]:
    rows = found.settings
    if not rows:
        return []
    shown = [f"  {path}: {' -> '.join(values)}" for path, *values in rows[:_MOST_SETTINGS]]
    more = len(rows) - len(shown)
    rest = [f"  and {more} more in the page"] if more else []
    return ["", f"Settings that differ: {len(rows)}", *shown, *rest]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> list[str]:
    """Return lines of columns: so many of texts, aligned on the left, and then figures."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if i < texts else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    return [line(header), *map(line, rows)]
