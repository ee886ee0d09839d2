"""Folders that are either complete or not there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appear_whole(root: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty folder to fill, which afterwards becomes ``root``.

    It lies beside ``root`` meanwhile, and vanishes if filling it fails. If another process made
    ``root`` in the meantime, that one stays and this one vanishes.
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
