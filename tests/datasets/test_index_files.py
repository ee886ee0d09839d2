"""The cache of indices: what it returns, and when it does not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from mmresnet.datasets import index_files
from mmresnet.datasets.index_files import Index, Texts

ARRAYS = {
    "numbers": np.arange(5),
    "flags": np.array([True, False, True]),
    "nothing": np.empty((0, 4)),
    "bytes": np.frombuffer(b"abc", np.uint8),
    "pairs": np.arange(6, dtype=np.int32).reshape(3, 2),
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv(index_files.VARIABLE, str(folder))
    return folder


def saved(stamp=(1, 2)):
    return index_files.save("test", ("a",), Index(dict(ARRAYS), {"names": ["ä"]}), stamp)


def assert_same(index):
    assert index.meta == {"names": ["ä"]}
    assert index.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(index.arrays[name], array)
        assert index.arrays[name].dtype == array.dtype


def test_what_was_saved_is_loaded(cache):
    assert_same(saved())
    loaded = index_files.load("test", ("a",), (1, 2))
    assert_same(loaded)
    assert not loaded.arrays["numbers"].flags.writeable
    (file,) = cache.iterdir()
    tensors = safetensors.numpy.load_file(file)
    np.testing.assert_array_equal(tensors["pairs"], ARRAYS["pairs"])


def test_another_stamp_key_kind_or_format_is_not_loaded(cache, monkeypatch):
    saved()
    assert index_files.load("test", ("a",), (1, 3)) is None
    assert index_files.load("test", ("b",), (1, 2)) is None
    assert index_files.load("other", ("a",), (1, 2)) is None
    monkeypatch.setattr(index_files, "_FORMAT", 2)
    assert index_files.load("test", ("a",), (1, 2)) is None


@pytest.mark.parametrize("size", [0, 3, 8, 40, -100, -1])
def test_a_file_that_is_cut_off_is_not_loaded(size, cache):
    saved()
    (file,) = cache.iterdir()
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:size])
    assert index_files.load("test", ("a",), (1, 2)) is None
    assert_same(saved())


def test_a_file_of_something_else_is_not_loaded(cache):
    saved()
    (file,) = cache.iterdir()
    for content in (b"\xff" * 500, b"\x02" + bytes(7) + b"{}", bytes(100)):
        file.unlink()
        file.write_bytes(content)
        assert index_files.load("test", ("a",), (1, 2)) is None


def test_what_is_mapped_stays_when_the_file_is_replaced(cache):
    first = saved()
    index_files.save("test", ("a",), Index({"numbers": np.zeros(9, int)}), (1, 3))
    assert_same(first)


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(index_files.VARIABLE, str(tmp_path / "file" / "cache"))
    assert_same(saved())
    assert index_files.load("test", ("a",), (1, 2)) is None


def test_off(cache, monkeypatch):
    monkeypatch.setenv(index_files.VARIABLE, "off")
    assert_same(saved())
    assert index_files.load("test", ("a",), (1, 2)) is None
    assert not cache.exists()


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.delenv(index_files.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert index_files.cache_folder() == tmp_path / "mmresnet"


def test_what_a_killed_process_left_is_removed_after_a_day(cache):
    saved()
    (file,) = cache.iterdir()
    old, new = (cache / f".{file.name}-{end}" for end in ("aaaaaaaa", "bbbbbbbb"))
    for path in (old, new):
        path.touch()
    os.utime(old, (time.time() - 90000,) * 2)
    saved()
    assert sorted(cache.iterdir()) == sorted([file, new])


WRITER = """
import sys, numpy as np
from mmresnet.datasets import index_files
from mmresnet.datasets.index_files import Index
mine = int(sys.argv[1])
for _ in range(60):
    index_files.save("test", ("a",), Index({"x": np.full(20000, mine)}, {"of": mine}), (1,))
    found = index_files.load("test", ("a",), (1,))
    assert found is not None and set(found.arrays["x"].tolist()) == {found.meta["of"]}
"""


def test_two_processes_that_write_never_read_half_a_file(cache):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", WRITER]
    running = [subprocess.Popen([*command, str(i)], env=environment) for i in (1, 2)]
    assert [process.wait(120) for process in running] == [0, 0]
    assert len(list(cache.iterdir())) == 1


def test_stamps_of_recent_changes_are_not_trusted(tmp_path):
    file = tmp_path / "file"
    file.touch()
    status = file.stat()
    assert index_files.stamp_of(status, now=status.st_mtime_ns + 10**9) is None
    stamp = index_files.stamp_of(status, now=status.st_mtime_ns + 10**10)
    assert stamp == index_files.stamp_of(file.stat())
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as tar and rsync do
    assert stamp != index_files.stamp_of(file.stat())


def test_texts():
    names = ["a", "", "ä/b.jpg", os.fsdecode(b"\xff.jpg"), "c"]
    texts = Texts.pack(names)
    assert texts.tolist() == [texts[i] for i in range(5)] == names
    assert Texts.join([texts.part(0, 2), texts.part(2, 2), texts.part(2, 5)]).tolist() == names
    assert texts.part(1, 4).tolist() == names[1:4]
    assert Texts.join([]).tolist() == Texts.pack([]).tolist() == []
