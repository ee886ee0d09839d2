"""Write the report of a training or a test again: report.html in its folder."""

import argparse

EXAMPLE = """\
  %(prog)s work_dirs/resnet50_8xb32_in1k
  %(prog)s work_dirs/*/
Every training and test writes it at its end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folders."""
    parser.add_argument(
        "folder", nargs="+", metavar="RUN", help="the --work-dir of a training or a test"
    )


def run(args: argparse.Namespace) -> None:
    """Write the reports, and print their paths and sizes."""
    from mmresnet.report.write import write_report

    for folder in args.folder:
        path = write_report(folder)
        print(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB).")
