"""Print a config with its bases and overrides merged, or what differs from another."""

import argparse

from mmresnet.cli import command
from mmresnet.config.differences import differences

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k --cfg-options num_classes=2
  %(prog)s resnet50_8xb32_in1k --cfg-options num_classes=2 --diff
  %(prog)s resnet101_8xb32_in1k --diff resnet50_8xb32_in1k"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config and what to compare it to."""
    command.add_config_argument(parser)
    command.add_cfg_options(parser)
    parser.add_argument(
        "--diff",
        nargs="?",
        const="",
        metavar="OTHER",
        help="print only what differs from the config OTHER, or without OTHER what --cfg-options "
        "change",
    )


def run(args: argparse.Namespace) -> None:
    """Print the config or the differences."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.apis import load_config

    config = load_config(args.config, options)
    if args.diff is None:
        print(config.pretty_text)
        return
    other = load_config(args.diff or args.config)
    for line in differences(other.to_dict(), config.to_dict()):
        print(line)
