"""Mistakes that are told before torch is imported, which takes seconds.

If there are any, the other checks of the pre-flight follow, so that one start tells everything.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.errors import AlreadyTold, UserError

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmresnet.config.preflight.findings import Finding, FoundErrors

_TRAINED = ("train_dataloader", "val_dataloader", "model")
_TESTED = ("test_dataloader", "model")


def check_training(args: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Check what a training reads.

    Raises:
        UserError: There is no such config, an option does not fit it, images, annotations or
            initial weights are missing, the work directory is a file, or there is no such tracker.
    """
    from mmresnet.config.preflight.files import check_data
    from mmresnet.config.preflight.initial_weights import check_initial_weights
    from mmresnet.config.trackers import check_installed

    check_installed(args.tracker)
    read = (*_TRAINED, *["load_from"] * (not args.resume))  # which takes the place of load_from
    _check(args, options, read, (check_initial_weights, check_data))


def check_test(args: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Check what a test reads.

    Raises:
        UserError: As :func:`check_training`, or there is no such checkpoint.
    """
    from mmresnet.config.preflight.files import check_data
    from mmresnet.config.preflight.initial_weights import check_exists

    check_exists(args.checkpoint)
    _check(args, options, _TESTED, (check_data,))


def _check(
    args: argparse.Namespace,
    options: Mapping[str, Any],
    read: Iterable[str],
    checks: tuple[Callable[[Config], Iterable[Finding]], ...],
) -> None:
    from mmresnet.config.find import find_config

    find_config(args.config)  # before mmengine is imported

    from mmresnet.config.load import read_config
    from mmresnet.config.preflight.findings import FoundErrors, collecting, errors

    if args.work_dir and Path(args.work_dir).exists() and not Path(args.work_dir).is_dir():
        raise UserError(f"--work-dir: '{args.work_dir}' is a file: name a folder for the results.")
    findings: list[Finding] = []
    with collecting(findings):
        cfg = read_config(args.config, options)
        part = type(cfg)({key: cfg[key] for key in read if key in cfg})
        for check in checks:
            with collecting(findings):
                findings.extend(check(part))
    if found := errors(findings):
        told = FoundErrors({str(one): one for one in found}.values())
        if os.environ.get("LOCAL_RANK", "0") == "0":
            print(told, file=sys.stderr, flush=True)
        raise AlreadyTold(_others(args, options, checks, told))


def _others(
    args: argparse.Namespace,
    options: Mapping[str, Any],
    checks: tuple[Callable[[Config], Iterable[Finding]], ...],
    told: FoundErrors,
) -> str:
    """Return the errors that have not been told yet, a line each, below a heading."""
    from mmresnet.config.preflight.checks import NOT_TESTED, NOT_TRAINED
    from mmresnet.config.preflight.findings import collecting, errors
    from mmresnet.engine.preflight import check, prepare_checked

    without = NOT_TESTED if "checkpoint" in args else NOT_TRAINED
    findings: list[Finding] = []
    with collecting(findings):
        cfg, findings = prepare_checked(args.config, args.work_dir, options)
        findings += check(cfg, without, checks)
    known = set(map(str, told.findings))
    others = [one for one in dict.fromkeys(map(str, errors(findings))) if one not in known]
    return "\n  ".join(["And also:", *others]) if others else ""
