"""Searching folders again: every change of names is seen, and the rest is remembered."""

import os
import shutil

import pytest

pytest.importorskip("mmpretrain")

from mmpretrain.datasets import CustomDataset as StockCustomDataset

from mmresnet.datasets import image_index, index_files
from mmresnet.datasets.class_folders import CustomDataset
from mmresnet.datasets.image_index import find_images


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "images"
    for name in ("cat/1.jpg", "cat/2.jpg", "cat/in/deep/3.jpg", "dog/1.png", "dog/x.txt", "no/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.fixture
def searched(monkeypatch):
    """The class folders that are read, and not remembered."""
    names = []
    search = image_index._search
    monkeypatch.setattr(
        image_index, "_search", lambda root, name, *a: names.append(name) or search(root, name, *a)
    )
    return names


def found(root, **keywords):
    one = find_images(root, **keywords)
    return one.images, one.classes, one.others, one.empty, one.empty_classes


def without_cache(root, **keywords):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(index_files.VARIABLE, "off")
        return found(root, **keywords)


def test_nothing_is_read_again_without_a_change(cache, root, searched):
    first = found(root)
    assert sorted(searched) == ["cat", "dog", "no"]
    searched.clear()
    assert found(root) == first == without_cache(root)
    assert sorted(searched) == ["cat", "dog", "no"]  # by the one without a cache
    searched.clear()
    everything = found(root, by_class=False)
    assert searched == [""]
    assert found(root, by_class=False) == everything
    assert searched == [""]
    assert found(root, suffixes=(".png",))[0] == [("dog/1.png", 1)]


def add(root):
    (root / "cat" / "0.jpg").write_bytes(b"x")


def add_deep(root):
    (root / "cat" / "in" / "deep" / "0.jpg").write_bytes(b"x")


def rename(root):
    (root / "dog" / "1.png").rename(root / "dog" / "2.png")


def remove(root):
    (root / "cat" / "in" / "deep" / "3.jpg").unlink()


def replace_by_an_empty_file(root):
    (root / "new").touch()
    (root / "new").rename(root / "cat" / "1.jpg")


def add_with_old_times(root):
    """What rsync and tar do: the folder gets the time back that it had."""
    status = (root / "cat").stat()
    add(root)
    os.utime(root / "cat", ns=(status.st_atime_ns, status.st_mtime_ns))


def add_a_folder(root):
    (root / "dog" / "more").mkdir()
    (root / "dog" / "more" / "a.jpg").write_bytes(b"x")


def add_a_class(root):
    shutil.copytree(root / "cat", root / "bee")


def remove_a_class(root):
    shutil.rmtree(root / "cat")


def rename_a_class(root):
    (root / "cat").rename(root / "emu")


def swap_two_classes(root):
    (root / "cat").rename(root / "x")
    (root / "dog").rename(root / "cat")
    (root / "x").rename(root / "dog")


def put_a_file_beside(root):
    (root / "beside.jpg").touch()


@pytest.mark.parametrize(
    "change",
    [
        *(add, add_deep, rename, remove, replace_by_an_empty_file, add_with_old_times),
        *(add_a_folder, add_a_class, remove_a_class, rename_a_class, swap_two_classes),
        put_a_file_beside,
    ],
)
def test_a_change_is_seen(change, cache, root):
    before = found(root)
    change(root)
    after = found(root)
    assert after != before
    assert after == without_cache(root) == found(root)


def test_only_the_changed_class_is_read(cache, root, searched):
    found(root)
    searched.clear()
    add_deep(root)
    found(root)
    assert searched == ["cat"]


def test_folders_that_were_just_changed_are_read_again(cache, root, searched, monkeypatch):
    monkeypatch.setattr(index_files, "_RESOLUTION", 10**10)
    found(root)
    searched.clear()
    found(root)
    assert sorted(searched) == ["cat", "dog", "no"]
    assert not cache.exists()


def test_links_to_files_are_followed_each_time(cache, root, tmp_path):
    (tmp_path / "far.jpg").write_bytes(b"x")
    (root / "dog" / "far.jpg").symlink_to(tmp_path / "far.jpg")
    assert ("dog/far.jpg", 1) in found(root)[0]
    (tmp_path / "far.jpg").unlink()
    images, _, others, *_ = found(root)
    assert ("dog/far.jpg", 1) not in images
    assert "dog/far.jpg" in others


def test_a_link_to_a_folder_that_leads_elsewhere(cache, root, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.jpg").write_bytes(b"x")
    (root / "owl").symlink_to(tmp_path / "a")
    assert ("owl/a.jpg", 3) in found(root)[0]
    (root / "owl").unlink()
    (root / "owl").symlink_to(tmp_path / "b")
    assert ("owl/b.jpg", 3) in found(root)[0]
    (tmp_path / "b").rename(tmp_path / "c")
    assert found(root) == without_cache(root)
    assert "owl" not in found(root)[1]


def test_files_known_as_empty_are_looked_at_again(cache, root):
    (root / "cat" / "1.jpg").write_bytes(b"")
    assert found(root)[3] == ["cat/1.jpg"]
    (root / "cat" / "1.jpg").write_bytes(b"x")  # in place: the folder does not change
    assert found(root)[3] == []


def test_a_file_system_whose_folders_may_not_show_changes(cache, root, monkeypatch):
    monkeypatch.setattr(image_index, "file_system", lambda path: "fuse.s3fs")
    found(root)
    assert not cache.exists()


@pytest.mark.parametrize("settings", [{}, {"with_label": False}, {"indices": [2, 0]}])
@pytest.mark.parametrize("serialize", [True, False])
def test_samples_from_the_cache_equal_mmpretrains(settings, serialize, cache, root):
    keywords = {"data_prefix": str(root), "serialize_data": serialize, **settings}
    (root / "no" / "y.jpg").write_bytes(b"x")
    for _ in range(2):
        ours, theirs = CustomDataset(**keywords), StockCustomDataset(**keywords)
        both = [[d.get_data_info(i) for i in range(len(d))] for d in (ours, theirs)]
        assert both[0] == both[1]
        assert ours.metainfo == theirs.metainfo
        if serialize and len(ours) > 2:
            parts = [d.get_subset([2, 1]) for d in (ours, theirs)]
            assert parts[0].get_data_info(0) == parts[1].get_data_info(0)
        if "with_label" not in settings:
            assert ours.get_gt_labels().tolist() == theirs.get_gt_labels().tolist()


def test_a_class_with_a_method_of_its_own_is_asked(root):
    class Half(CustomDataset):
        def load_data_list(self):
            return super().load_data_list()[::2]

    assert len(Half(data_prefix=str(root))) == 2
