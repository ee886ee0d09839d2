"""Print a config with its bases and overrides merged, or what differs from another."""

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

from mmresnet.cli import command

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


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Yield ``path: before -> after`` of each setting that two configs do not share."""
    old, new = dict(_settings(before)), dict(_settings(after))
    for path in {**old, **new}:
        a, b = (repr(side[path]) if path in side else "(absent)" for side in (old, new))
        if a != b:
            yield f"{path}: {a} -> {b}"


def _settings(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings with their dotted paths; a list of plain values is one of them."""
    items: Iterable[tuple[Any, Any]]
    if isinstance(part, dict) and part:
        items = part.items()
    elif isinstance(part, (list, tuple)) and any(isinstance(item, dict) for item in part):
        items = enumerate(part)
    else:
        yield path, part
        return
    for key, value in items:
        yield from _settings(value, f"{path}.{key}" if path else str(key))
