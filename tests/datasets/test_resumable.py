"""Files that appear complete, records that a killed run cuts off, and what a disk refuses."""

import errno
import os
import stat

import pytest

from mmresnet.datasets.resumable import JsonLines, explained, write
from mmresnet.errors import UserError, UserFileNotFoundError


def test_a_file_is_replaced_whole_and_nothing_is_left(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    write(path, b"one")
    write(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644

    def fail(*arguments):
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no"):
        write(path, b"three")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.jpg", b"two")]


@pytest.mark.parametrize("rest", [b'["b", 2', b'["b", 2]', b"\0" * 9 + b'\n["c", 3]\n', b"null\n"])
def test_a_line_that_is_cut_off_or_damaged_is_removed(rest, tmp_path):
    path = tmp_path / "record"
    lines = JsonLines(path)
    assert lines.values == []
    lines.add([["a", 1]])
    lines.close()
    whole = path.read_bytes()
    path.write_bytes(whole + rest)
    lines = JsonLines(path)
    assert lines.values == [["a", 1]]
    lines.add([{"d": 4}, ["e", 5]])
    lines.close()
    assert path.read_bytes() == whole + b'{"d": 4}\n["e", 5]\n'


def test_opening_changes_nothing(tmp_path):
    path = tmp_path / "record"
    path.write_bytes(b"[1]\n")
    os.utime(path, ns=(5, 5))
    JsonLines(path).close()
    assert path.stat().st_mtime_ns == 5


@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.ENOSPC, "make room"), (errno.EACCES, "see to it")]
)
def test_what_a_disk_refuses(number, remedy, tmp_path):
    with pytest.raises(UserError) as caught, explained(tmp_path):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == (
        f"'{tmp_path}' cannot be written ({os.strerror(number)}): {remedy}, and run the same "
        "command again, which goes on where this one ended."
    )


def test_an_error_that_is_explained_already(tmp_path):
    with pytest.raises(UserFileNotFoundError, match=r"^mine$"), explained(tmp_path):
        raise UserFileNotFoundError("mine")
