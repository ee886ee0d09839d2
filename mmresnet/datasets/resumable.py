"""Writing a folder of files so that a run goes on where a killed one ended.

Each file appears under its name complete, and a record tells which ones are written. What a killed
run has not recorded is made again, which is safe.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmresnet.errors import UserError

PARTIAL = ".partial-"  # what the names of files that are being written begin with


def write(path: Path, content: bytes) -> None:
    """Write a file that appears complete; unlike ``atomic_write``, without waiting for the disk.

    After a power failure its size or checksum tells if it is whole.
    """
    number, partial = tempfile.mkstemp(prefix=PARTIAL, dir=path.parent)
    try:
        with open(number, "wb") as file:
            file.write(content)
        os.chmod(partial, 0o644)  # a temporary file is its owner's alone
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


class JsonLines:
    """A file of JSON values, one a line, to which more are added; it is made if it is not there.

    Attributes:
        values: What it held when it was opened. A line that a killed run has cut off, and all that
            follows a damaged one, is removed.
    """

    def __init__(self, path: Path) -> None:
        self.values: list[Any] = []
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            whole, content = 0, path.read_bytes()
            for line in content.splitlines(keepends=True):
                value = _value_of(line)
                if value is None:
                    break
                self.values.append(value)
                whole += len(line)
            if whole < len(content):
                os.ftruncate(self._file, whole)
            os.lseek(self._file, whole, os.SEEK_SET)
        except BaseException:
            self.close()
            raise

    def add(self, values: Iterable[Any]) -> None:
        """Write values behind those that are there."""
        content = "".join(json.dumps(value) + "\n" for value in values).encode()
        while content:  # of a disk that gets full, the first call writes what it can
            content = content[os.write(self._file, content) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _value_of(line: bytes) -> Any:
    """Return what a whole line holds, or None for one that is cut off or damaged."""
    try:
        return json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what a disk refuses into an error that says how to go on.

    Raises:
        UserError: There is no room, no permission, …
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, UserError):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room" if full else "see to it"
        raise UserError(
            f"'{folder}' cannot be written ({error.strerror or error}): {remedy}, and run the same "
            "command again, which goes on where this one ended."
        ) from error
