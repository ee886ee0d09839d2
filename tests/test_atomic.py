"""A folder that is filled elsewhere appears whole, or not at all."""

import pytest

from mmresnet.atomic import atomic_folder


def test_the_folder_appears_when_it_is_complete(tmp_path):
    root = tmp_path / "new" / "set"
    with atomic_folder(root) as partial:
        (partial / "a.txt").write_text("a")
        assert not root.exists()
    assert (root / "a.txt").read_text() == "a"
    assert list(root.parent.iterdir()) == [root]
    assert root.stat().st_mode & 0o777 == 0o755


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "set") as partial:
        (partial / "a.txt").write_text("a")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_wrote_meanwhile_stays(tmp_path):
    root = tmp_path / "set"
    with atomic_folder(root) as partial:
        (partial / "a.txt").write_text("ours")
        root.mkdir()
        (root / "a.txt").write_text("theirs")
    assert (root / "a.txt").read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [root]


def test_a_folder_that_cannot_get_its_name_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "set") as partial:
        partial.rmdir()
    assert list(tmp_path.iterdir()) == []
