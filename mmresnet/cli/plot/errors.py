"""Draw the training and validation errors of several runs in one picture.

Thin dashed lines are training errors, bold ones validation errors, as in Fig. 1, 4 and 6 of He et
al. 2015. The trainings need model.head.cal_acc=True, for the log to have their accuracy. A line of
the log has that of one batch, unless these options make it the mean over the steps since the last:
log_processor.window_size=100 log_processor.mean_pattern='.*(loss|time|grad_norm|accuracy_top).*'
"""

import argparse

EXAMPLE = """\
  %(prog)s errors.png --panel runs/plain20 runs/plain56 --panel runs/resnet20 runs/resnet56
  %(prog)s errors.png --panel runs/resnet20 --limits 0 20"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the picture and the runs."""
    parser.add_argument("picture", help="the file to write, such as errors.png")
    parser.add_argument(
        "--panel",
        nargs="+",
        action="append",
        required=True,
        metavar="RUN",
        help="the --work-dir of each training to draw; once more for a second panel",
    )
    parser.add_argument(
        "--limits",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="the errors to show, in percent; all if not given",
    )


def run(args: argparse.Namespace) -> None:
    """Write the picture."""
    from mmresnet.visualization.errors import plot_errors

    plot_errors(args.panel, args.picture, args.limits and tuple(args.limits))
    print(f"Wrote {args.picture}.")
