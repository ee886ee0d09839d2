"""The command ``mmresnet``: one module of this package for each of its commands."""

import os
import sys
from typing import Any

import mmresnet
from mmresnet.cli import command
from mmresnet.errors import UserError, did_you_mean

# name: what it does, which is also its module's first line; or that, and further commands
COMMANDS = {
    "train": "train a model from a config",
    "test": "evaluate a checkpoint on the test set of a config",
    "calibrate": (
        "fit a temperature that makes a classifier as confident as it is right; store it with the "
        "weights"
    ),
    "ensemble": "average the class scores of several tests, and print the errors",
    "replay": "compute the batch again at which a training got a non-finite loss or gradient",
    "infer": "run a trained model on images; write annotated pictures and a JSON file",
    "cam": "draw class activation maps: which parts of images speak for a class",
    "export": "write a trained model as a folder for another runtime, and verify it",
    "propose": "find the best boxes of a localizer in all images, and write them for R-CNN",
    "ensemble-detectors": (
        "combine trained detectors, or localizers, into an ensemble, which is tested as one of them"
    ),
    "compare": (
        "compare runs: curves, settings, predictions, and whether their difference can be chance"
    ),
    "recipes": "list the shipped recipes with their published figures",
    "config": "print a config with its bases and overrides merged, or what differs from another",
    "check-config": "find all mistakes in a config at once, and print what differs from its base",
    "prepare": "turn the archives of a data set, as downloaded, into the folder that recipes read",
    "browse": "show what a net will see: batches, steps of the pipeline, classes, sizes, boxes",
    "check-dataset": "read all images of a config's data sets, and report the bad ones",
    "resize-dataset": "copy a folder of images with smaller images, which load faster",
    "crash-test": (
        "kill a training at random moments, resume it, and compare the result with an unbroken one"
    ),
    "weights": "list, show and download public weights",
    "convert": "convert the weights of a ResNet to the tensor names of another package",
    "plot": (
        "plot a training run, predictions or detections",
        {
            "curves": "draw the loss, validation metrics and learning rate of a training run",
            "errors": "draw the training and validation errors of several runs in one picture",
            "responses": (
                "draw the standard deviations of the responses of classifiers' 3×3 layers to their "
                "test set"
            ),
            "predictions": "draw test images with a classifier's predictions, the wrong ones first",
            "detections": "draw a detector's true and false positives and its false negatives",
        },
    ),
    "report": "write the report of a training or a test again: report.html in its folder",
    "complexity": "count the parameters and multiply-adds of every net",
    "paper": "reproduce the tables and figures of He et al. 2015, and compare",
    "demo-data": (
        "write the data of the demo recipes",
        {
            "digits": "write scikit-learn's handwritten digits as PNG files, a folder per class",
            "scenes": "write scenes of handwritten digits among clutter, with COCO annotations",
            "localization": (
                "write pictures of one large digit each, with its box, in ILSVRC's layout"
            ),
        },
    ),
    "benchmark": "measure speed and memory on this machine, also of other packages",
    "doctor": "report versions, device and operators, and what is missing",
}

_COMPLETING = "_ARGCOMPLETE" in os.environ  # set by a shell that asks for completions


def main(argv: list[str] | None = None) -> int:
    """Run ``mmresnet`` with these arguments and return the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    return command.run(_call, arguments, resumable=arguments[:1] == ["train"])


def _call(arguments: list[str]) -> None:
    parser = _parser()
    if _COMPLETING:
        import argcomplete

        argcomplete.autocomplete(parser)  # and exit
    _check_names(arguments)
    args = parser.parse_args(arguments)
    args.run(args)


def _parser() -> command.Command:
    parser = command.Command(
        prog=command.program(),
        description=mmresnet.__doc__.partition("\n")[0],
        epilog="%(prog)s COMMAND --help shows the options of a command and an example.",
    )
    parser.add_argument("--version", action="version", version=f"mmresnet {mmresnet.__version__}")
    _add_commands(parser, COMMANDS)
    return parser


def _add_commands(parser: command.Command, table: dict[str, Any], prefix: str = "") -> None:
    parser.set_defaults(run=lambda args: parser.print_help())  # if none is given
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, entry in table.items():
        module = f"{prefix}{name}".replace("-", "_")
        if isinstance(entry, str):
            one = commands.add_parser(name, help=entry, module=f"{__package__}.{module}")
            if _COMPLETING:
                one.load()
        else:
            text, further = entry
            group = commands.add_parser(
                name,
                help=text,
                description=f"{text[0].upper()}{text[1:]}.",
                epilog=f"example:\n  %(prog)s {next(iter(further))} --help",
            )
            _add_commands(group, further, prefix=f"{module}.")


def _check_names(arguments: list[str], table: dict[str, Any] = COMMANDS, before: str = "") -> None:
    """Raise a UserError that gives the nearest command, where argparse lists them all."""
    if not arguments or arguments[0].startswith("-"):
        return
    name = arguments[0]
    if name not in table:
        raise UserError(
            f"There is no command '{before}{name}'.{did_you_mean(name, table)} "
            f"'{command.program()} {before}--help' lists them all."
        )
    if not isinstance(table[name], str):
        _check_names(arguments[1:], table[name][1], f"{name} ")


if __name__ == "__main__":
    sys.exit(main())
