"""Files and folders that appear under their names complete, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Yield a file to write, which then replaces ``path``; what was there stays if writing fails.

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
            os.unlink(file.name)
            raise


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
