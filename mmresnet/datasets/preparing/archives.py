"""The kinds of archives that data sets come in: .tar, also with others inside, .tar.gz and .zip."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from mmresnet.datasets.preparing.archive import (
    Archive,
    DamagedArchive,
    Members,
    Observe,
    Read,
    not_published,
    reported,
)
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Self

_CHUNK = 1 << 17


class TarArchive(Archive):
    """A tar file of which each file can be read by itself."""

    def survey(self, observe: Observe, every_byte: bool) -> Members:
        members = Members()
        self._file.seek(0)
        stream = _Observed(self._file, observe)
        with reported(self.path):
            for name, size, offset, _ in _walk(self.path, stream):
                members.add(self.path, name, size, offset)
            _drain(stream)
        return members

    def contents(self, members: Members, numbers: Sequence[int]) -> Iterator[tuple[int, Read]]:
        for number in numbers:
            yield number, partial(self._read, members.sizes[number], members.offsets[number])

    def _read(self, size: int, offset: int) -> bytes:
        with reported(self.path):
            content = os.pread(self._file.fileno(), size, offset)
        if len(content) < size:
            raise DamagedArchive(self.path, "it ends too early")
        return content


class TarGzArchive(Archive):
    """A compressed tar file, which is read from its beginning only."""

    def survey(self, observe: Observe, every_byte: bool) -> Members:
        members = Members()
        with reported(self.path):
            stream = self._stream(observe)
            for name, size, _, _ in _walk(self.path, stream):
                members.add(self.path, name, size)
            _drain(stream)  # its checksum is at the end
        return members

    def contents(self, members: Members, numbers: Sequence[int]) -> Iterator[tuple[int, Read]]:
        wanted = iter(numbers)
        number = next(wanted, None)
        with reported(self.path):
            for index, (*_, file) in enumerate(_walk(self.path, self._stream(len))):
                if number is None:
                    return
                if index == number:
                    yield number, partial(bytes, file.read())
                    number = next(wanted, None)

    def _stream(self, observe: Observe) -> gzip.GzipFile:
        self._file.seek(0)
        return gzip.GzipFile(fileobj=cast(IO[bytes], _Observed(self._file, observe)), mode="rb")


class ZipArchive(Archive):
    """A zip file, which has a checksum for each of its files."""

    def survey(self, observe: Observe, every_byte: bool) -> Members:
        members = Members()
        with reported(self.path):
            for info in self._files:
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise not_published(self.path, info.filename, "is a link or no plain file")
                if info.flag_bits & 1:
                    raise not_published(self.path, info.filename, "is encrypted")
                members.add(self.path, info.filename, info.file_size)
        if every_byte:
            self._file.seek(0)
            _drain(_Observed(self._file, observe))
        return members

    def contents(self, members: Members, numbers: Sequence[int]) -> Iterator[tuple[int, Read]]:
        with reported(self.path):
            files = self._files
        for number in numbers:
            yield number, partial(self._read, files[number])

    def _read(self, file: zipfile.ZipInfo) -> bytes:
        with reported(self.path):
            return self._zip.read(file)

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self._file)

    @cached_property
    def _files(self) -> list[zipfile.ZipInfo]:
        return [info for info in self._zip.infolist() if not info.is_dir()]


def open_archive(path: Path) -> Archive:
    """Return the archive in a file, of the kind that its first bytes tell.

    Raises:
        UserError: It is none.
    """
    with reported(path), open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        return ZipArchive(path)
    if head.startswith(b"\x1f\x8b"):
        return TarGzArchive(path)
    if head[257:262] == b"ustar":
        return TarArchive(path)
    raise UserError(
        f"'{path}' is no tar, tar.gz or zip file (it begins with {head[:20]!r}): download it "
        "again; a page to log in may have been saved in its place."
    )


class _Observed:
    """A file whose reader is watched."""

    def __init__(self, file: IO[bytes], observe: Observe) -> None:
        self._file, self._observe = file, observe

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._observe(content)
        return content


class _Header(tarfile.TarInfo):
    """A header, of which a damaged one is an error; tarfile takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf and not any(buf):  # the end
                raise
            raise tarfile.ReadError(str(error) if buf else "its end is missing") from error


def _walk(
    path: Path, stream: Any, folder: str = "", start: int = 0
) -> Iterator[tuple[str, int, int, IO[bytes]]]:
    """Yield name, size, offset and content of each file of a tar file, in one pass.

    Args:
        folder, start: Where it lies in an outer one.
    """
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_CHUNK, tarinfo=_Header) as archive:
        while (member := archive.next()) is not None:
            cast(Any, archive).members.clear()  # it keeps them all, a kilobyte for each
            name = f"{folder}{member.name}"
            if member.isdir():
                continue
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or member.issparse():
                raise not_published(path, name, "is a link or no plain file")
            offset = start + member.offset_data
            if name.endswith(".tar"):
                inner = f"{name.removesuffix('.tar')}/"
                yield from _walk(path, content, inner, offset)
            else:
                yield name, member.size, offset, content


def _drain(stream: Any) -> None:
    while stream.read(_CHUNK):
        pass
