"""The pre-flight of a run: its config is loaded, and everything wrong with it found, at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mmresnet.config.preflight.checks import (
    CHECKS,
    FILES,
    Check,
    find_missing_files,
    find_mistakes,
)
from mmresnet.config.preflight.findings import Finding, FoundErrors
from mmresnet.config.preflight.registries import is_installed
from mmresnet.engine.assembly import import_packages, prepare_run

if TYPE_CHECKING:
    import os

    from mmengine.config import Config


def prepare_checked(
    config: str | os.PathLike[str] | Config,
    work_dir: str | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    launcher: str = "none",
    device: str = "cpu",
) -> tuple[Config, list[Finding]]:
    """Load a config as :func:`prepare_run` does, without the options that do not fit it.

    Returns:
        The config, and what is wrong with these options.
    """
    options, findings = dict(cfg_options or {}), list[Finding]()
    while True:
        try:
            return prepare_run(config, work_dir, options, launcher, device), findings
        except FoundErrors as error:
            wrong = [one.where for one in error.findings if one.where in options]
            if not wrong:
                raise
            findings += error.findings
            options = {key: value for key, value in options.items() if key not in wrong}


def check(
    cfg: Config, without: Iterable[str] = (), files: Iterable[Check] = FILES
) -> list[Finding]:
    """Return everything that is wrong with a config, and import the packages that it needs.

    Args:
        without: Top-level settings that the run does not read.
        files: The checks of files.

    Raises:
        ImportError: A package that the config needs is not installed.
    """
    if is_installed(cfg.get("default_scope") or "mmpretrain"):
        import_packages(cfg)
    return [
        *find_mistakes(cfg, CHECKS, without),
        *find_missing_files(cfg, files, without),
    ]
