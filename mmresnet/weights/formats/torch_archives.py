"""The zip archives that torch.save writes, checked before torch reads them.

torch's archives are plain: no compression, no overlapping entries, the central directory at the
end. Any other is refused, since it could hold more than the size of the file.
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import BinaryIO

from mmresnet.weights.formats.detect import AGAIN, FormatError, shorten
from mmresnet.weights.formats.torch_pickles import check_torch_pickles

_END, _LOCATOR, _ZIP64_END = 22, 20, 56  # bytes of the records that close an archive
_EXPORTED = ("/models/model.json", "serialized_exported_program.json")


def check_archive(file: BinaryIO, size: int, path: str) -> None:
    """Check that ``file`` is a checkpoint of torch's that needs no more memory than its size.

    Raises:
        FormatError: It is another archive, is cut off, or claims more than it holds.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {entry.orig_filename: entry for entry in archive.infolist()}
            count, start = len(archive.infolist()), archive.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise FormatError(
            f"is a zip archive that is cut off or damaged ({error}): {AGAIN}."
        ) from error
    if not entries:
        raise FormatError(f"is an empty zip archive: {AGAIN}.")
    top = next(iter(entries)).partition("/")[0]
    if f"{top}/data.pkl" not in entries or f"{top}/constants.pkl" in entries:
        raise FormatError(_describe_other(list(entries), top, path))

    total = sum(entry.file_size for entry in entries.values())
    # torch's own reader of archives ignores case, and ends names at a zero
    distinct = {name.lower() for name in entries if name.isascii() and name.isprintable()}
    problem = ""
    if any(one.compress_type or one.file_size != one.compress_size for one in entries.values()):
        problem = "its entries are compressed, so that their size has no bound"
    elif total > size:
        problem = f"its entries claim {total:,} bytes, but the file has {size:,}"
    elif len(distinct) != count or start != _directory_start(file, size):
        problem = "two programs would read it differently, by its names or its central directory"
    if problem:
        raise FormatError(
            f"is an archive unlike those of torch.save ({problem}): save it again by torch.save."
        )
    prefix = f"{top}/data/"
    records = {
        name.removeprefix(prefix): entry.file_size
        for name, entry in entries.items()
        if name.startswith(prefix)
    }
    content = _read_stored(file, entries[f"{top}/data.pkl"])
    check_torch_pickles(io.BytesIO(content), size, records)


def _directory_start(file: BinaryIO, size: int) -> int:
    """Return where the closing records state that the central directory begins, -1 for nowhere."""
    file.seek(max(size - _END - _LOCATOR - _ZIP64_END, 0))
    tail = file.read()
    end, locator, zip64_end = tail[-_END:], tail[-_END - _LOCATOR : -_END], tail[:_ZIP64_END]
    if not end.startswith(b"PK\x05\x06"):
        return -1  # a comment follows, in which there is room for a second record
    start = int.from_bytes(end[16:20], "little")
    if not locator.startswith(b"PK\x06\x07"):
        return start
    long_start = int.from_bytes(zip64_end[48:56], "little")  # torch always writes both
    valid = zip64_end.startswith(b"PK\x06\x06") and start in (long_start, 0xFFFFFFFF)
    return long_start if valid else -1


def _read_stored(file: BinaryIO, entry: zipfile.ZipInfo) -> bytes:
    """Return an entry's bytes; the checksum is ignored, since torch can write another."""
    file.seek(entry.header_offset + 26)
    name, extra = struct.unpack("<HH", file.read(4).ljust(4, b"\0"))  # the file may end here
    file.seek(entry.header_offset + 30 + name + extra)
    return file.read(entry.file_size)


def _describe_other(names: list[str], top: str, path: str) -> str:
    program = state_dict = ""
    if f"{top}/constants.pkl" in names:
        program, state_dict = "TorchScript program", f"torch.jit.load('{path}').state_dict()"
    elif any(name.endswith(_EXPORTED) for name in names):
        program, state_dict = "torch.export program", f"torch.export.load('{path}').state_dict"
    if program:
        return (
            f"is a {program}, not a state dict: save its weights by torch.save({state_dict}, "
            "'weights.pth'), and give that."
        )
    if all(name.endswith(".npy") for name in names):
        return (
            "is an archive of NumPy arrays (.npz), not a checkpoint: pickle a dict of the arrays "
            "by name, or save them as .safetensors."
        )
    listed = ", ".join(f"'{shorten(name)}'" for name in names[:3])
    return (
        f"is a zip archive, not a checkpoint (it holds {listed}): unpack it and give the file of "
        "weights inside."
    )
