"""Files and folders are written completely or not at all."""

import os
import signal

import pytest

from mmresnet.atomic import atomic_folder, atomic_write, remove_partial_files


@pytest.mark.parametrize(("mode", "content"), [("w", "größer"), ("wb", b"\xff\x00")])
def test_a_file_is_replaced_when_it_is_complete(mode, content, tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with atomic_write(path, mode) as file:
        file.write(content)
        file.flush()
        assert path.read_text() == "old"
    assert path.read_bytes() == (content if mode == "wb" else content.encode())
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_failure_keeps_the_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write("new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "a.json", tmp_path / "link.json"
    link.symlink_to(path)
    with atomic_write(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert path.read_text() == "new"


def test_a_folder_appears_when_it_is_complete(tmp_path):
    root = tmp_path / "new" / "set"
    with atomic_folder(root) as partial:
        (partial / "a.txt").write_text("a")
        assert not root.exists()
    assert (root / "a.txt").read_text() == "a"
    assert list(root.parent.iterdir()) == [root]
    assert root.stat().st_mode & 0o777 == 0o755


def test_a_failure_leaves_no_folder(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "set") as partial:
        (partial / "a.txt").write_text("a")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_another_process_is_kept(tmp_path):
    root = tmp_path / "set"
    with atomic_folder(root) as partial:
        (partial / "a.txt").write_text("ours")
        root.mkdir()
        (root / "a.txt").write_text("theirs")
    assert (root / "a.txt").read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [root]


def test_a_folder_that_cannot_be_renamed_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "set") as partial:
        partial.rmdir()
    assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_left_is_removed(tmp_path):
    left = tmp_path / ".a.pth-0a_b1234"
    others = [tmp_path / ".a.json-0a_b1234", tmp_path / "a.pth", tmp_path / ".b.pth-x"]
    for path in (left, *others):
        path.touch()
    assert remove_partial_files(tmp_path, "*.pth") == [left]
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_process_that_is_killed_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pth"
    path.write_text("old")
    process = os.fork()
    if process == 0:
        with atomic_write(path) as file:
            file.write("new")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    assert path.read_text() == "old"
    assert len(remove_partial_files(tmp_path, "*.pth")) == 1
