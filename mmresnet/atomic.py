"""Files and folders that appear under their names complete, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_UNSYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)  # file systems that sync no folder


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Yield a file to write, which then replaces ``path``; what was there stays if writing fails.

    When this returns, the file would survive a power failure. A process that is killed meanwhile
    leaves a file for :func:`remove_partial_files`.

    Args:
        mode: "w" for text in UTF-8, "wb" for bytes.
    """
    path = Path(os.path.realpath(path))
    with tempfile.NamedTemporaryFile(
        mode,
        encoding=None if "b" in mode else "utf-8",
        dir=path.parent,
        prefix=f".{path.name}-",
        delete=False,
    ) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)  # a temporary file is its owner's alone
            os.replace(file.name, path)
        except BaseException:
            with contextlib.suppress(OSError):  # the file system may be gone, or read-only by now
                os.unlink(file.name)
            raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Write a folder's list of names to the disk, without which a new name may be lost."""
    if os.name == "nt":  # it has no such call
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise


def remove_partial_files(folder: str | os.PathLike[str], *patterns: str) -> list[Path]:
    """Remove and return what killed processes left of files and folders that match ``patterns``.

    Args:
        patterns: As "*.pth". No other process may be writing such files.
    """
    left = [path for name in patterns for path in Path(folder).glob(f".{name}-????????")]
    removed = []
    for path in left:
        with contextlib.suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed


@contextmanager
def atomic_folder(root: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty folder to fill, which afterwards becomes ``root``.

    It lies beside ``root`` meanwhile, and is removed if filling it fails. If another process made
    ``root`` in the meantime, that one stays and this one is removed.
    """
    root = Path(root)
    root.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        yield partial
        partial.chmod(0o755)  # mkdtemp's folders are the owner's alone
        try:
            partial.rename(root)
        except OSError:
            if not root.exists():  # then it was not another process that was faster
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
