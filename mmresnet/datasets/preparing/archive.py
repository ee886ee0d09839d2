"""What the kinds of archives have in common: their files, and errors that name them."""

from __future__ import annotations

import contextlib
import gzip
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from mmresnet.errors import UserError

Observe = Callable[[bytes], object]
Read = Callable[[], bytes]
_DAMAGES = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError),
    NotImplementedError,  # of zipfile: an unknown compression
)


class DamagedArchive(UserError):
    """An archive is cut off or damaged, or is none."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"'{path}' is cut off or damaged ({reason}): download it again.")


@dataclass
class Members:
    """The files in an archive, in their order.

    Attributes:
        names: A file ``b`` in an inner archive ``a.tar`` is ``a/b``.
        sizes: In bytes.
        offsets: Where contents start in an uncompressed archive, in bytes.
    """

    names: list[str] = field(default_factory=list)
    sizes: array[int] = field(default_factory=partial(array, "q"))
    offsets: array[int] = field(default_factory=partial(array, "q"))

    def add(self, path: Path, name: str, size: int, offset: int = 0) -> None:
        """Add a file.

        Raises:
            UserError: Its name leads out of the folder that it is written to.
        """
        plain = PurePosixPath(name)  # without the dot of "./a"
        leads_out = plain.is_absolute() or "//" in name or ".." in plain.parts
        if not plain.parts or leads_out or set(name) & set("\\:\0\n"):
            raise not_published(path, name, "would be written elsewhere")
        self.names.append(str(plain))
        self.sizes.append(size)
        self.offsets.append(offset)


class Archive(ABC):
    """An archive, which is open from the start; files are read by their number in its members."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reported(path):
            self._file = open(path, "rb")  # noqa: SIM115  until close()

    def close(self) -> None:
        """Close the file; functions that :meth:`contents` yielded fail from then on."""
        self._file.close()

    @abstractmethod
    def survey(self, observe: Observe, every_byte: bool) -> Members:
        """Return what the archive holds.

        Args:
            observe: Called with the bytes of the archive that are read, in their order.
            every_byte: Read also what tells nothing about the members.

        Raises:
            UserError: It is damaged, or holds what is no plain file below its own folder.
        """

    @abstractmethod
    def contents(self, members: Members, numbers: Sequence[int]) -> Iterator[tuple[int, Read]]:
        """Yield functions that read files, which may be called in any thread.

        Args:
            numbers: Which files, in ascending order.

        Raises:
            UserError: The archive is damaged; so do the functions.
        """


def read_files(archive: Archive, members: Members, *names: str) -> list[bytes]:
    """Return the contents of files, by the names that their paths end with.

    Raises:
        UserError: There is no such file.
    """
    numbers: list[int] = []
    for name in names:
        found = [i for i, path in enumerate(members.names) if f"/{path}".endswith(f"/{name}")]
        if not found:
            raise UserError(f"'{archive.path}' holds no file '{name}': it is another archive.")
        numbers.append(found[0])
    contents = {i: read() for i, read in archive.contents(members, sorted(numbers))}
    return [contents[number] for number in numbers]


def not_published(path: Path, name: str, reason: str) -> UserError:
    """Return the error for what no published archive holds."""
    return UserError(
        f"'{path}' holds a file '{name}', which {reason}: this is not the published archive, and "
        "nothing was taken from it."
    )


@contextlib.contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn what a damaged archive causes into an error that names it."""
    try:
        yield
    except _DAMAGES as error:
        raise DamagedArchive(path, error) from error
    except OSError as error:
        raise UserError(f"'{path}' cannot be read ({error.strerror or error}).") from error
