"""Files that are not weights, damaged or malicious, and words of the error message for each.

An attack is built for the path of a witness, which exists as soon as something in it has run.
"""

import gzip
import io
import lzma
import os
import pickle
import resource
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from file_builders import (
    REBUILD,
    SPARSE,
    Call,
    arrays,
    calling,
    deep,
    doubled,
    enlarged,
    header,
    inflated,
    many_dicts_of_one,
    many_of_one,
    numpy_file,
    overlapping,
    pictured,
    rewritten,
    script,
    tarred,
    tensors,
    torch_file,
    two_tables,
    with_pickle,
)
from safetensors.torch import save

from mmresnet.weights.formats.torch_files import allow_history_buffer

MAGIC = 0x1950A86A20F9469CFC6C  # with which torch.save began before 1.6
PAGE = b"<!DOCTYPE html>\n<html><head><title>\n 404 &mdash; Not found </title></head></html>\n"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102530333\n"
DENIED = b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>'
INDEX = b'{"metadata": {}, "weight_map": {"conv1.weight": "model-00001-of-00002.safetensors"}}'
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x10\n\x04node"
CUT = r"cut off or damaged.* again"
BYTEARRAY = "holds a call of '.*bytearray' that makes no array, .* nothing in it was run"
NOT_RUN = r"holds '{}', which .* nothing in it was run"

# name: what makes the bytes, words of the error message
UNSUPPORTED = {
    "nothing": (lambda: b"", "is empty: download it again"),
    "zeros": (lambda: bytes(9000), "4,096 zeros, like an unfinished download"),
    "a web page": (lambda: PAGE, "is a web page titled '404 — Not found'.* failed download"),
    "a web page without a head": (lambda: b"\n <html>Sign in</html>", "is a web page, not weights"),
    "a server's refusal": (lambda: DENIED, r"XML message from a file server \('AccessDenied'\)"),
    "a pointer of Git LFS": (lambda: LFS, "Git LFS.* 102,530,333 bytes.*'git lfs pull'"),
    "a text": (lambda: b"model = dict(\n  depth=50)\n", r"text file.*'model = dict\( depth=50"),
    "JSON": (lambda: b'{"annotations": []}', "is a JSON file, not weights"),
    "an index": (lambda: INDEX, r"index of weights.* \('model-00001-of-00002\.safetensors'\)"),
    "a JPEG": (lambda: pictured("JPEG"), "is a JPEG image"),
    "a PNG": (lambda: pictured("PNG"), "is a PNG image"),
    "gzip": (lambda: gzip.compress(torch_file(tensors())), "is a gzip archive.*unpack it"),
    "xz": (lambda: lzma.compress(b"weights"), "is an xz archive.*unpack it"),
    "tar": (lambda: tarred(), "is a tar archive.*unpack it"),
    "an array": (lambda: numpy_file(np.save, np.ones(3)), "a single NumPy array"),
    "arrays": (lambda: numpy_file(np.savez, w=np.ones(3)), r"NumPy arrays \(.npz\)"),
    "ONNX": (lambda: ONNX, r"is an ONNX model.*torch\.save\(model\.state_dict\(\)"),
    "TorchScript": (lambda: script(), r"TorchScript program.*torch\.jit\.load\('.*net'\)"),
    "a Caffe model": (lambda: b"\n\x09ResNet-50\xa2\x06\x10\n\x04data", "is a Caffe model"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(40), "is an HDF5 file"),
    "noise": (lambda: bytes(range(250, 256)) * 9, "begins with the bytes fa fb fc fd"),
    "a zip archive": (
        lambda: rewritten(torch_file(1), lambda *_: b"").replace(b"data.pkl", b"data.txt"),
        r"is a zip archive, not a checkpoint \(it holds 'archive/data.txt'",
    ),
}
DAMAGED = {
    "an archive's start": (lambda: torch_file(tensors())[:100], CUT),
    "half an archive": (lambda: torch_file(tensors())[:2500], CUT),
    "an archive's last bytes gone": (lambda: torch_file(tensors())[:-10], CUT),
    "an archive without a tensor's data": (
        lambda: rewritten(torch_file(tensors())).replace(b"archive/data/0", b"archive/data/9"),
        "claims a tensor of 4,800 bytes, but has 0 bytes",
    ),
    "an archive with half a pickle": (lambda: with_pickle(b"\x80\x02}X\x09"), CUT),
    "legacy, its start": (lambda: torch_file(tensors(), zipped=False)[:40], CUT),
    "legacy, all but its end": (lambda: torch_file(tensors(), zipped=False)[:-10], "cut off"),
    "half a pickle": (lambda: pickle.dumps(arrays(), protocol=2)[:150], CUT),
    "a pickle and its first bytes alone": (lambda: b"\x80\x02\x8a", CUT),
    "half of safetensors": (lambda: save(tensors())[:1000], CUT),
    "the start of safetensors": (lambda: save(tensors())[:50], CUT),
}
INVALID = {
    "no tensor": (lambda: torch_file({"epoch": 3}), "holds no tensor.*'epoch'"),
    "no entry": (lambda: pickle.dumps({}), r"holds no tensor \(it has no entries"),
    "a tensor alone": (lambda: torch_file(torch.ones(3)), "holds a Tensor, but weights are"),
    "a list": (lambda: pickle.dumps([1, 2]), "holds a list, but weights are"),
    "a whole model": (
        lambda: torch_file(torch.nn.Linear(2, 2)),
        NOT_RUN.format(r"torch\.nn\.modules\.linear\.Linear"),
    ),
    "objects": (
        lambda: pickle.dumps(arrays(a=np.array([None]))),
        "an array of the type 'O8', but weights are numbers",
    ),
    "objects in an archive": (
        lambda: torch_file(arrays(a=np.array([None]))),
        "an array of the type 'O8', but weights are numbers",
    ),
    "tensors by pickle": (
        lambda: pickle.dumps({"w": torch.ones(2)}),
        NOT_RUN.format("torch.*") + r".* by torch\.save",
    ),
    "a type whose numbers are addresses": (
        lambda: torch_file(arrays(a=Call(np.dtype, "i8", state=(3, "<", *[None] * 3, -1, -1, 63)))),
        "a type that is not plain numbers",
    ),
    "another protocol": (
        lambda: torch_file(tensors(), pickle_protocol=4),
        "pickled by protocol 4.* save it again by torch.save",
    ),
    "a dict within itself": (lambda: b"\x80\x02}q\x00X\x01\x00\x00\x00wh\x00s.", "64 deep"),
    "lists without end": (lambda: deep(b"]" * 5000 + b"a" * 4999), "64 deep"),
    "a key without end": (
        lambda: b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.",
        "a dict key that is not a plain value",
    ),
    "a key without end, in an archive": (
        lambda: with_pickle(b"\x80\x02})" + b"\x85" * 300_000 + b"Ns."),
        "a dict key that is not a plain value",
    ),
    "a dict that hides its methods": (
        lambda: with_pickle(
            b"\x80\x02ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb."
        ),
        "a dict with attributes of its own",
    ),
}
BOMBS = {
    "compressed": (
        lambda: rewritten(torch_file({"w": torch.zeros(2**22)}), compression=zipfile.ZIP_DEFLATED),
        "entries are compressed.* save it again by torch.save",
    ),
    "overlapping entries": (lambda: overlapping(), "entries claim 200,0.* the file has 1,0"),
    "two entries of one name": (lambda: doubled(), "two programs would read it differently"),
    "two tables": (lambda: two_tables(), "two programs would read it differently"),
    "a tensor of more than its record": (
        lambda: rewritten(
            torch_file(tensors()), lambda name, old: inflated(old) if "pkl" in name else old
        ),
        "claims a tensor of 1,200,000,000 bytes, but has 4,800",
    ),
    "legacy, a tensor of more than the file": (
        lambda: inflated(torch_file(tensors(), zipped=False)),
        "claims a tensor of 1,200,000,000 bytes",
    ),
    "a tensor of more than its storage": (
        lambda: torch_file(tensors(), zipped=False).replace(
            b"K\x1eK\x28\x86", b"J" + struct.pack("<i", 7_500_000) + b"K\x28\x86"
        ),
        r"claims a tensor of \(7500000, 40\) values, but has 1,200",
    ),
    "a call for bytes": (
        lambda: torch_file({"a": Call(bytearray, 10**9)}),
        BYTEARRAY,
    ),
    "legacy, a call for bytes": (
        lambda: torch_file({"a": Call(bytearray, 10**9)}, zipped=False),
        BYTEARRAY,
    ),
    "a call for a tensor": (
        lambda: torch_file({"a": Call(torch.FloatTensor, 10**9)}),
        NOT_RUN.format(r"torch\.FloatTensor"),
    ),
    "legacy, a tensor enlarged by its state": (
        lambda: torch_file({"a": enlarged(torch.ones(3))}, zipped=False),
        "a tensor without a storage or a size",
    ),
    "many dicts of one list": (
        lambda: torch_file(many_dicts_of_one()),
        "asks for at least",
    ),
    "a tensor of nested lists": (
        lambda: torch_file({"a": Call(SPARSE, torch.sparse_coo, ([[0]], [[0] * 999] * 999))}),
        NOT_RUN.format(r"torch\._utils\._rebuild_sparse_tensor"),
    ),
    "many calls": (
        lambda: torch_file([Call(bytearray, 900) for _ in range(10**5)]),
        BYTEARRAY,
    ),
    "a call for an array": (
        lambda: torch_file({"a": Call(REBUILD, np.ndarray, (10**9,), b"b")}),
        "a call of 'numpy.*_reconstruct' that makes no array",
    ),
    "text of a gigabyte": (
        lambda: torch_file({"a": Call(np.dtype, f"S{10**9}")}),
        "an array of the type 'S1000000000'",
    ),
    "a pickle with a call for an array": (
        lambda: pickle.dumps({"a": Call(REBUILD, np.ndarray, (10**9,), b"b")}),
        "a call of 'numpy.*_reconstruct' that makes no array",
    ),
    "an array of more than its data": (
        lambda: pickle.dumps(arrays(), protocol=2).replace(
            b"K\x04K\x03\x86", b"J" + struct.pack("<i", 10**9) + b"K\x03\x86"
        ),
        r"an array of \(1000000000, 3\) values of 4 bytes, but has 48 bytes",
    ),
    "a pickle with a place far away": (lambda: b"\x80\x02}r\xff\xff\xff\x7f.", "holds no tensor"),
    "a pickle of a terabyte": (lambda: b"\x80\x04\x8e" + struct.pack("<Q", 10**12) + b"ab.", CUT),
    "a thousand arrays of one": (lambda: many_of_one(), "asks for at least"),
    "a header of a terabyte": (
        lambda: header({"w": {}}, 10**12),
        CUT,
    ),
    "safetensors of a terabyte": (
        lambda: header({"w": {"dtype": "U8", "shape": [10**12], "data_offsets": [0, 10**12]}}),
        "is a safetensors file that is cut off or damaged",
    ),
}
RUN = "nothing in it was run"
ATTACKS = {
    "an archive": (lambda witness: torch_file(calling(witness)), RUN),
    "legacy": (lambda witness: torch_file(calling(witness), zipped=False), RUN),
    "legacy, before its data": (
        lambda witness: pickle.dumps(MAGIC, protocol=2) + pickle.dumps(calling(witness), 2),
        NOT_RUN.format(r"(posix|nt)\.system"),
    ),
    **{
        f"a pickle of protocol {protocol}": (
            lambda witness, protocol=protocol: pickle.dumps(calling(witness), protocol=protocol),
            NOT_RUN.format(r"(posix|nt)\.system"),
        )
        for protocol in range(6)
    },
    "a pickle with an old instruction": (
        lambda witness: b"(S'touch %s'\nios\nsystem\n." % bytes(witness),
        "is a pickle with the instruction INST, which weights do not need; " + RUN,
    ),
    "a call in arrays": (
        lambda witness: pickle.dumps(arrays(a=np.array([calling(witness)], dtype=object))),
        "an array of the type 'O8'",
    ),
    "eval": (
        lambda witness: pickle.dumps(
            OrderedDict(a=Call(eval, f"open({str(witness)!r}, 'w').close()"))
        ),
        NOT_RUN.format(r"builtins\.eval"),
    ),
}
TABLE = {**UNSUPPORTED, **DAMAGED, **INVALID, **BOMBS}
ALLOCATING = (
    # of BOMBS, those that reserve a gigabyte when torch's reader without code or pickle reads them
    "legacy, a tensor of more than the file",
    "a tensor of more than its storage",
    "a call for bytes",
    "legacy, a call for bytes",
    "a call for a tensor",
    "legacy, a tensor enlarged by its state",
    "a call for an array",
    "a pickle with a call for an array",
    "a pickle with a place far away",
    "a pickle of a terabyte",
)


@contextmanager
def little_memory() -> Iterator[None]:
    """Let the process reserve no more than 256 MiB on top of what it has, where Linux counts it."""
    counted = Path("/proc/self/statm")
    if not counted.exists():
        yield
        return
    limit = int(counted.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") + 2**28
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def error_of_bomb(kind: str) -> str:
    """Return the error of torch's reader without code, or of pickle, in little memory."""
    content = io.BytesIO(BOMBS[kind][0]())
    allow_history_buffer()  # and arrays
    with little_memory():
        try:
            if "pickle" in kind:
                pickle.load(content)
            else:
                torch.load(content, weights_only=True)
        except Exception as error:
            return f"{type(error).__name__} {error}".strip()
    return "none"
