"""Pickles of arrays, of every protocol and of Python 2, give the values and run nothing."""

import io
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from file_builders import Call

from mmresnet.weights.formats.detect import FormatError
from mmresnet.weights.formats.files import read_weights
from mmresnet.weights.formats.numpy_pickles import Array, NumpyReader

# written by cPickle of Python 2.7.18 with NumPy 1.16.6: protocols 2 and 0
PYTHON_2 = (
    b"\x80\x02}q\x01(U\x03cfgq\x02U\nDEPTH: 50\nq\x03U\x05blobsq\x04}q\x05(U\x07conv1_bq\x06cnumpy."
    b"core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\t(K\x01K\x00"
    b"\x85cnumpy\ndtype\nq\nU\x02f4K\x00K\x01\x87Rq\x0b(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff"
    b"\xffK\x00tb\x89U\x00tbU\x02lrq\x0ccnumpy.core.multiarray\nscalar\nq\rh\x0bU\x04\x00\x00\x00?"
    b"\x86Rq\x0eU\x07conv1_wq\x0fh\x07h\x08K\x00\x85U\x01b\x87Rq\x10(K\x01K\x02K\x02\x86h\x0b\x89U"
    b"\x10\x00\x00\xc0?\x00\x00\x00\xc0\x00\x00\x80>`B\xa2\rtbuu.",
    b"(dp1\nS'cfg'\np2\nS'DEPTH: 50\\n'\np3\nsS'blobs'\np4\n(dp5\nS'conv1_b'\np6\ncnumpy.core.multi"
    b"array\n_reconstruct\np7\n(cnumpy\nndarray\np8\n(I0\ntS'b'\ntRp9\n(I1\n(I0\ntcnumpy\ndtype\np10\n("
    b"S'f4'\nI0\nI1\ntRp11\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS''\ntbsS'lr'\np12\ncnumpy.core.multi"
    b"array\nscalar\np13\n(g11\nS'\\x00\\x00\\x00?'\ntRp14\nsS'conv1_w'\np15\ng7\n(g8\n(I0\ntS'b'\ntR"
    b"p16\n(I1\n(I2\nI2\ntg11\nI00\nS'\\x00\\x00\\xc0?\\x00\\x00\\x00\\xc0\\x00\\x00\\x80>`B\\xa2"
    b"\\r'\ntbss.",
)


@pytest.mark.parametrize("content", PYTHON_2, ids=["protocol 2", "protocol 0"])
def test_a_pickle_of_python_2_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "R-50.pkl"
    path.write_bytes(content)
    read = read_weights(path)
    assert read["cfg"] == "DEPTH: 50\n"
    assert read["blobs"]["lr"] == 0.5
    weight = read["blobs"]["conv1_w"]
    assert torch.equal(weight, torch.tensor([[1.5, -2.0], [0.25, 1e-30]]))
    assert read["blobs"]["conv1_b"].shape == (0,)
    weight += 1  # its memory is its own


def given() -> dict:
    draw = np.random.default_rng(0)
    return {
        "weight": draw.standard_normal((4, 3, 2)).astype("f4"),
        "channels last": draw.standard_normal((4, 3, 2, 2)).astype("f4").transpose(0, 2, 3, 1),
        "columns": np.asfortranarray(draw.standard_normal((3, 4))),
        "other end": np.arange(3, dtype=">i8"),
        "half": np.ones(3, "f2"),
        "flags": np.array([True, False]),
        "complex": np.array([1 + 2j]),
        "names": np.array(["cat", "é"]),
        "nothing": np.zeros((0, 3), "f4"),
        "one": np.array(3.5, "f4"),
        "number": np.float64(2.5),
        "count": np.int64(4),
    }


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "net.pkl"
    entries = given()
    entries["again"] = entries["weight"]
    content = {"model": OrderedDict(entries), "__author__": "é", "matching_heuristics": True}
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    read = read_weights(path)
    assert read["__author__"] == "é"
    assert read["matching_heuristics"] is True
    assert list(read["model"]) == list(entries)
    assert read["model"]["again"] is read["model"]["weight"]
    for name, value in entries.items():
        if isinstance(value, np.generic):
            assert read["model"][name] == value.item()
        elif name == "names":
            assert read["model"][name] == value.tolist()
        else:
            tensor = read["model"][name].numpy()
            assert tensor.dtype == value.dtype.newbyteorder("=")
            np.testing.assert_array_equal(tensor, value)


@pytest.mark.parametrize("core", [b"numpy.core.", b"numpy._core."])
def test_arrays_of_either_numpy_are_read(core: bytes) -> None:
    content = pickle.dumps(np.arange(3.0), protocol=2)
    content = content.replace(b"numpy._core.", b"numpy.core.").replace(b"numpy.core.", core)
    read = NumpyReader(io.BytesIO(content), len(content)).load()
    assert isinstance(read, Array)
    assert read.values.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros(2, [("a", "f4")]), "array of the type 'V4'"),
        (np.zeros(2, "M8[s]"), "array of the type 'M8'"),
        (Path("a"), "holds 'pathlib"),
        (Call(np.ndarray, (3,)), "a call of 'numpy.ndarray' that makes no array"),
        (Call(np.dtype, "f4", False, True, state=(3, "!", None)), "other than an array"),
        ({1, 2}, "the instruction EMPTY_SET|holds '__builtin__.set'"),
        (1j, "holds '(__builtin__|builtins).complex'"),
        (np.ma.array([1.0]), "holds 'numpy.*'"),
        (np.zeros(2, "g"), "array of the type 'f16'|array of the type 'f8'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_everything_else_is_refused(value: object, words: str, protocol: int) -> None:
    content = pickle.dumps({"a": value}, protocol=protocol)
    with pytest.raises(FormatError, match=words):
        NumpyReader(io.BytesIO(content), len(content)).load()


def test_reading_stops_at_the_end_of_the_pickle() -> None:
    content = pickle.dumps({"a": 1}) + b"rest"
    stream = io.BytesIO(content)
    assert NumpyReader(stream, len(content)).load() == {"a": 1}
    assert stream.read() == b"rest"
