"""The folder of an exported model: written completely or not at all, and opened again."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mmresnet.atomic import atomic_folder
from mmresnet.errors import UserError, UserFileNotFoundError
from mmresnet.export.targets import TARGETS, Target

FORMAT = "mmresnet-export 1"
REPORT, RUNNER = "report.json", "run.py"

_UNWRITABLE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR),
    errno.EEXIST,  # a file where a folder is to be
)
_FULL = 1 << 20  # bytes that are left: libraries stop before the last


@dataclass(frozen=True)
class Export:
    """An exported model.

    Attributes:
        report: The content of its report.json.
    """

    folder: Path
    report: dict[str, Any]

    @property
    def target(self) -> Target:
        """The format of its file."""
        return TARGETS[self.report["target"]]

    @property
    def runner(self) -> ModuleType:
        """Its run.py, imported: ``prepare(path)`` and ``load()``."""
        return import_runner(self.folder)


def open_export(folder: str | Path) -> Export:
    """Return the exported model in a folder.

    Raises:
        UserError: There is no such folder, or it is none that ``mmresnet export`` wrote.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserFileNotFoundError(f"There is no folder '{folder}'.")
    report = _read_report(folder)
    if report is None:
        raise UserError(f"'{folder}' is not an exported model: it has no {REPORT} of one.")
    return Export(folder, report)


def import_runner(folder: Path) -> ModuleType:
    """Return the run.py of a folder as a module."""
    spec = importlib.util.spec_from_file_location("mmresnet_exported_run", folder / RUNNER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _read_report(folder: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        report = json.loads((folder / REPORT).read_text("utf-8"))
        if isinstance(report, dict) and report.get("format") == FORMAT:
            return report
    return None


def check_out(out: Path, force: bool) -> None:
    """Check that an export may be written to ``out``.

    Raises:
        UserError: It is a file, or a folder with something else in it; or it is an exported model
            and ``force`` is not set.
    """
    if out.is_file():
        raise UserError(f"--out: '{out}' is a file; name a folder.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if _read_report(out) is None:
        raise UserError(
            f"--out: '{out}' has files that are no exported model; name another folder."
        )
    if not force:
        raise UserError(
            f"--out: '{out}' is an exported model: name another folder, or replace it with --force."
        )


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``out``, in place of what :func:`check_out` allowed there.

    If anything fails, it is removed, and what was there stays.

    Raises:
        UserError: The disk is full, or ``out`` cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside,
            atomic_folder(out) as folder,
        ):
            with _noticing_full_disk(folder):
                yield folder
            if out.exists():
                out.rename(Path(aside) / "replaced")
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise UserError(f"--out: '{out}' cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def _noticing_full_disk(folder: Path) -> Iterator[None]:
    """Raise an OSError where a library has raised something else, since the disk is full."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and shutil.disk_usage(folder).free < _FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


def model_bytes(folder: Path) -> dict[str, int]:
    """Return the sizes of a model's files, by name."""
    return {path.name: path.stat().st_size for path in sorted(folder.glob("model.*"))}
