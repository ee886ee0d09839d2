"""The zip archives that torch.save writes, looked through before torch reads them.

torch's archives are plain: no compression, no entry within another, the table of entries at the
end. What is otherwise is refused, since it could claim more than the file holds.
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import BinaryIO

from mmresnet.weights.formats.claims import check_claims
from mmresnet.weights.formats.kinds import UnfitError, in_short

_END, _END_OF_ZIP64 = 22, 56 + 20  # bytes of the closing record, and of those before it in zip64
_OF_EXPORT = ("/models/model.json", "serialized_exported_program.json")
_RESAVE = "have it written again by torch.save"


def check_archive(file: BinaryIO, size: int, path: str) -> None:
    """See that ``file`` is a checkpoint of torch's that asks for no more memory than its size.

    Raises:
        UnfitError: It is another archive, is cut off, or claims more than it holds.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {entry.orig_filename: entry for entry in archive.infolist()}
            count, start = len(archive.infolist()), archive.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise UnfitError(
            f"is a zip archive that is cut off or damaged ({error}): fetch or write it again."
        ) from error
    if not entries:
        raise UnfitError("is a zip archive with nothing in it: fetch or write it again.")
    top = next(iter(entries)).partition("/")[0]
    if f"{top}/data.pkl" not in entries or f"{top}/constants.pkl" in entries:
        raise UnfitError(_told_other(list(entries), top, path))

    for name, entry in entries.items():
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise UnfitError(
                f"is an archive with compressed entries ('{in_short(name)}'), which torch.save "
                f"never writes and which may swell without bound: {_RESAVE}."
            )
    total = sum(entry.file_size for entry in entries.values())
    if total > size:
        raise UnfitError(
            f"is an archive whose entries claim {total:,} bytes, where the file has {size:,}: "
            f"{_RESAVE}."
        )
    # torch's own reader of archives ignores case, and ends names at a zero
    distinct = {name.lower() for name in entries if name.isascii() and name.isprintable()}
    if len(distinct) != count or start != _table_start(file, size):
        raise UnfitError(
            "is an archive that two programs would read differently (names that are not distinct, "
            f"or a table of entries in another place than it says): {_RESAVE}."
        )
    prefix = f"{top}/data/"
    records = {
        name.removeprefix(prefix): entry.file_size
        for name, entry in entries.items()
        if name.startswith(prefix)
    }
    content = _stored(file, entries[f"{top}/data.pkl"])
    check_claims(io.BytesIO(content), size, records)


def _table_start(file: BinaryIO, size: int) -> int:
    """Return where the closing record says that the table of entries begins, -1 for nowhere."""
    file.seek(max(size - _END - _END_OF_ZIP64, 0))
    tail = file.read()
    end, zip64 = tail[-_END:], tail[: -_END - 20]
    if end[:4] != b"PK\x05\x06":
        return -1  # a comment follows, in which there is room for a second record
    (start,) = struct.unpack("<L", end[16:20])
    if tail[-_END - 20 : -_END - 16] == b"PK\x06\x07":  # torch writes both records always
        if zip64[:4] != b"PK\x06\x06":
            return -1
        (long_start,) = struct.unpack("<Q", zip64[48:56])
        return long_start if start in (long_start, 0xFFFFFFFF) else -1
    return start


def _stored(file: BinaryIO, entry: zipfile.ZipInfo) -> bytes:
    """Return an entry's bytes; its checksum is not looked at, since torch can write another."""
    file.seek(entry.header_offset + 26)
    name, extra = struct.unpack("<HH", file.read(4).ljust(4, b"\0"))  # at the end there is less
    file.seek(entry.header_offset + 30 + name + extra)
    return file.read(entry.file_size)


def _told_other(names: list[str], top: str, path: str) -> str:
    if f"{top}/constants.pkl" in names:
        return (
            "is a TorchScript program, and no state dict: write its weights by "
            f"torch.save(torch.jit.load('{path}').state_dict(), 'weights.pth'), and give that."
        )
    if any(name.endswith(_OF_EXPORT) for name in names):
        return (
            "is a program of torch.export, and no state dict: write its weights by "
            f"torch.save(torch.export.load('{path}').state_dict, 'weights.pth'), and give that."
        )
    if all(name.endswith(".npy") for name in names):
        return (
            "is an archive of NumPy arrays (.npz), and no checkpoint: pickle a dict of the arrays "
            "by name, or save them as .safetensors."
        )
    listed = ", ".join(f"'{in_short(name)}'" for name in names[:3])
    return (
        f"is a zip archive, and no checkpoint (it holds {listed}): unpack it and give the file of "
        "weights inside."
    )
