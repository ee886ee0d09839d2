"""The bytes of files: of torch, of other programs, and broken ones."""

import codecs
import io
import json
import os
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

REBUILD = (np._core if hasattr(np, "_core") else np.core).multiarray._reconstruct
SPARSE = torch._utils._rebuild_sparse_tensor


class Call:
    """Pickled, it becomes a call of ``function``, whose result is then given ``state``."""

    def __init__(self, function: Callable, *args: object, state: object = None) -> None:
        self.call = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> tuple:
        return self.call

    def __repr__(self) -> str:  # without an address: it is part of a test's name
        return f"Call({getattr(self.call[0], '__name__', self.call[0])})"


def tensors() -> dict[str, torch.Tensor]:
    return {"conv1.weight": torch.arange(1200.0).reshape(30, 40), "bn1.bias": torch.ones(30)}


def torch_file(content: object, zipped: bool = True, **options: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped, **options)
    return buffer.getvalue()


def rewritten(
    content: bytes, change: Callable[[str, bytes], bytes] = lambda name, data: data, **options: int
) -> bytes:
    """An archive of torch's, its entries changed and written again."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", **options) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return buffer.getvalue()


def with_pickle(data: bytes) -> bytes:
    return rewritten(torch_file(tensors()), lambda name, old: data if name.endswith("pkl") else old)


def inflated(data: bytes) -> bytes:
    """A pickle of ``tensors()`` whose first tensor has 300,000,000 values."""
    number = struct.pack("<H", 1200)
    assert data.count(b"M" + number) == 1
    data = data.replace(b"M" + number, b"J" + struct.pack("<i", 300_000_000))
    return data.replace(b"K\x1eK\x28\x86", b"J" + struct.pack("<i", 7_500_000) + b"K\x28\x86")


def overlapping() -> bytes:
    """An archive of 200 entries that are one and the same megabyte."""
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(250_000)}, buffer)
    with zipfile.ZipFile(buffer, "a") as archive:
        one = archive.getinfo("archive/data/0")
        for number in range(1, 200):
            again = zipfile.ZipInfo(f"archive/data/{number}")
            again.header_offset, again.CRC = one.header_offset, one.CRC
            again.file_size = again.compress_size = one.file_size
            archive.filelist.append(again)
        archive._didModify = True
    return buffer.getvalue()


def two_tables() -> bytes:
    """An archive with another in front, which a reader finds if it goes by the offsets."""
    first = torch_file(tensors())
    second = rewritten(torch_file({"other": torch.ones(3)}))
    return first + second


def doubled() -> bytes:
    buffer = io.BytesIO(rewritten(torch_file(tensors())))
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("archive/DATA.PKL", b"\x80\x02}.")
    return buffer.getvalue()


def header(entries: dict, length: int | None = None) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights/net.pth"))
    return buffer.getvalue()


def pictured(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, kind)
    return buffer.getvalue()


def numpy_file(write: Callable, *args: object, **arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *args, **arrays)
    return buffer.getvalue()


def script() -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and yet people have its files
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


def deep(brackets: bytes) -> bytes:
    return b"\x80\x02}X\x01\x00\x00\x00w" + brackets + b"s."


def arrays(**entries: object) -> dict:
    return {"conv1_w": np.ones((4, 3), "f4"), **entries}


def many_of_one() -> bytes:
    """A pickle that makes a thousand arrays of the same two hundred kilobytes."""
    text, kind = "\0" * 200_000, np.dtype("f4")

    def again() -> Call:
        state = (1, (50_000,), kind, False, Call(codecs.encode, text, "latin1"))
        return Call(REBUILD, np.ndarray, (0,), b"b", state=state)

    return pickle.dumps({str(number): again() for number in range(1000)}, protocol=2)


def many_dicts_of_one() -> list[Call]:
    pairs = [(number, number) for number in range(1000)]
    return [Call(OrderedDict, pairs) for _ in range(1000)]


def enlarged(tensor: torch.Tensor) -> Call:
    """A tensor that the old way of pickling makes of the other's storage, with 2**28 values."""
    return Call(torch.FloatTensor, state=(tensor, 0, (2**28,), (1,)))


def calling(witness: Path) -> dict:
    return {"state_dict": Call(os.system, f"touch {witness}")}
