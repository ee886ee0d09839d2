"""Mistakes that are found before torch is imported, which takes seconds.

The run itself checks the same again, and all that needs its packages.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmresnet.config.preflight.findings import Finding

_TRAINED = ("train_dataloader", "val_dataloader", "model")
_TESTED = ("test_dataloader", "model")


def check_training(args: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Check what a training reads.

    Raises:
        UserError: There is no such config, an option does not fit it, images, annotations or
            initial weights are missing, or the work directory is a file.
    """
    from mmresnet.config.preflight.files import check_data
    from mmresnet.config.preflight.initial_weights import check_initial_weights

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
    checks: Iterable[Callable[[Config], Iterable[Finding]]],
) -> None:
    from mmresnet.config.find import find_config

    find_config(args.config)  # before mmengine is imported

    from mmresnet.config.load import read_config
    from mmresnet.config.preflight.findings import collecting, raise_errors

    if args.work_dir and Path(args.work_dir).exists() and not Path(args.work_dir).is_dir():
        raise UserError(f"--work-dir: '{args.work_dir}' is a file: name a folder for the results.")
    cfg = read_config(args.config, options)
    part = type(cfg)({key: cfg[key] for key in read if key in cfg})
    findings: list[Finding] = []
    for check in checks:
        with collecting(findings):
            findings.extend(check(part))
    raise_errors(findings)
