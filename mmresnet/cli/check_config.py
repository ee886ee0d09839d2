"""Find all mistakes in a config at once, and print what differs from its base."""

import argparse
import sys
from collections.abc import Iterable
from functools import partial

from mmresnet.cli import command
from mmresnet.config.differences import differences

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k --cfg-options data_root=my_images num_classes=2
  %(prog)s my_config.py --nproc 8
The exit code is 1 if there are errors, with which train would stop, and 0 if there are none."""

_MOST = 30  # lines of a kind in a terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config and its overrides."""
    command.add_config_argument(parser)
    command.add_cfg_options(parser)
    parser.add_argument(
        "--nproc",
        metavar="N",
        type=int,
        default=1,
        help="in how many processes it will train, for the learning rate (default: 1)",
    )


def run(args: argparse.Namespace) -> None:
    """Print the findings and the differences."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.config.load import load_bases, load_config
    from mmresnet.config.preflight.checks import ADVICE, find_mistakes
    from mmresnet.config.preflight.findings import errors, warnings
    from mmresnet.config.preflight.learning_rate import check_learning_rate
    from mmresnet.engine.preflight import check, prepare_checked

    cfg, findings = prepare_checked(args.config, cfg_options=options)
    wrong = {finding.where for finding in findings}
    findings += check(cfg)
    findings += find_mistakes(cfg, [partial(check_learning_rate, processes=args.nproc), *ADVICE])
    lines = [f"error: {finding}" for finding in errors(findings)]
    lines += [f"warning: {finding}" for finding in warnings(findings)]
    _print(lines or ["No mistakes found."])

    before = load_bases(args.config) or load_config(args.config).to_dict()
    right = {key: value for key, value in options.items() if key not in wrong}
    changed = list(differences(before, load_config(args.config, right).to_dict()))
    if changed:
        print("\nWhat differs from its base:")
        _print(changed)
    if errors(findings):
        raise SystemExit(1)


def _print(lines: Iterable[str]) -> None:
    """Print lines, in a terminal only the first ones."""
    lines = list(dict.fromkeys(lines))
    most = _MOST if sys.stdout.isatty() else len(lines)
    print("\n".join(lines[:most]))
    if len(lines) > most:
        print(f"… and {len(lines) - most} more; '| cat' shows them all")
