"""Damaged checkpoints are found out, and the newest intact one is taken."""

import io
import re
import zipfile
from pathlib import Path

import pytest
import torch
from tiny_runs import tiny_run

from mmresnet.engine.checkpoints.files import check_intact, damage, find_newest
from mmresnet.errors import UserError


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    """Flip a bit of a tensor, which torch reads without a word."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        records = [one for one in archive.infolist() if "/data/" in one.filename]
        largest = max(records, key=lambda one: one.file_size)
        content[content.index(archive.read(largest), largest.header_offset)] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)


def zeros(path: Path) -> None:
    """As a file system may leave a file after a power failure."""
    path.write_bytes(bytes(path.stat().st_size))


def replace(path: Path) -> None:
    path.write_text("<html>Sign in</html>")


DAMAGES = {
    cut: "is cut off",
    empty: "is empty",
    flip: "is damaged: its record '.*/data/[0-9]+' does not match its checksum",
    zeros: "begins with 4,096 zeros",
    replace: "is a web page",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """The files of a training of three epochs."""
    folder = tmp_path_factory.mktemp("whole")
    tiny_run(folder, epochs=3).train()
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.is_file()}


@pytest.fixture
def folder(whole, tmp_path) -> Path:
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_3.pth"))
    return tmp_path


@pytest.mark.parametrize("spoil", DAMAGES)
def test_a_damaged_newest_one_is_reported_and_the_one_before_taken(spoil, folder, caplog):
    spoil(folder / "epoch_3.pth")
    runner = tiny_run(folder, epochs=3, resume=True)
    runner.logger.addHandler(caplog.handler)
    runner.train()
    assert runner.iter == 12
    (warning,) = (r.message for r in caplog.records if "epoch_3.pth' " in r.message)
    assert re.search(DAMAGES[spoil], warning)
    assert f"Resuming from '{folder / 'epoch_2.pth'}'." in caplog.text
    assert damage(folder / "epoch_3.pth") is None


@pytest.mark.parametrize("marker", [None, "", "/elsewhere/epoch_9.pth", "\0"])
def test_without_last_checkpoint_the_folder_is_searched(marker, folder):
    if marker is None:
        (folder / "last_checkpoint").unlink()
    else:
        (folder / "last_checkpoint").write_text(marker)
    assert find_newest(folder).path == str(folder / "epoch_3.pth")


def test_a_work_dir_that_was_moved(folder):
    (folder / "last_checkpoint").write_text("/elsewhere/epoch_2.pth")
    assert find_newest(folder).path == str(folder / "epoch_2.pth")


def test_weights_alone_are_not_resumed_from(folder):
    """The best checkpoint lacks the state of the optimizer."""
    for path in [*folder.glob("epoch_*"), folder / "last_checkpoint"]:
        path.unlink()
    assert list(folder.glob("best*.pth"))
    assert find_newest(folder).path is None


def test_if_all_are_damaged_nothing_is_overwritten(folder):
    for path in folder.glob("*.pth"):
        cut(path)
    with pytest.raises(UserError, match=r"No checkpoint in .* is intact.*epoch_3\.pth' is cut off"):
        tiny_run(folder, resume=True).train()


def test_without_any_the_training_starts(tmp_path, caplog):
    runner = tiny_run(tmp_path, epochs=1, resume=True)
    runner.logger.addHandler(caplog.handler)
    runner.train()
    assert "There is no checkpoint in" in caplog.text
    assert runner.iter == 4


def test_a_damaged_one_that_was_named_is_an_error(folder):
    cut(folder / "epoch_3.pth")
    path = str(folder / "epoch_3.pth")
    message = r"epoch_3\.pth' is cut off; the newest intact one beside it is '.*epoch_2\.pth'"
    with pytest.raises(UserError, match=message):
        check_intact(path)
    with pytest.raises(UserError, match=message):
        tiny_run(folder, resume=True, load_from=path).train()


@pytest.mark.parametrize("new_format", [True, False])
def test_both_formats_of_torch_are_intact_or_cut(new_format, tmp_path):
    content, path = io.BytesIO(), tmp_path / "a.pth"
    torch.save({"a": torch.ones(1000)}, content, _use_new_zipfile_serialization=new_format)
    path.write_bytes(content.getvalue())
    assert damage(path) is None
    cut(path)
    assert damage(path) is not None
    assert damage(tmp_path / "none.pth") == "cannot be read: No such file or directory"
