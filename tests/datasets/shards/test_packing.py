"""Writing of shards: what is in them, runs that were interrupted, and bad input."""

import hashlib
import shutil
from pathlib import Path

import pytest
from faulty_proxy import Fault, Proxy
from small_shards import SHARD_SIZE, contents, no_bar, read_all

from mmresnet.datasets.image_index import find_images
from mmresnet.datasets.shards.packing import pack
from mmresnet.datasets.shards.shard_set import ShardSet
from mmresnet.errors import UserError


def sums(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_images_give_the_same_bytes(images: Path, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(images, tmp_path / "copy", copy_function=shutil.copyfile)
    packed = pack(tmp_path / "copy", str(tmp_path / "to"), SHARD_SIZE, no_bar)
    assert sums(tmp_path / "to") == sums(shards)
    assert (packed.images, packed.files, packed.kept) == (60, 1, 0)
    assert packed.shards == len(list(shards.glob("*.tar"))) > 8


def test_sets_lie_in_shards_of_their_own_and_classes_are_mixed(shards: Path) -> None:
    index = ShardSet(str(shards)).index
    for number, shard in enumerate(index.shards):
        rows = [row for row in range(len(index)) if index.row(row).shard == number]
        paths = [index.path(row) for row in rows]
        assert {path.split("/")[0] for path in paths} == {shard.name.split("-")[0]}
        if shard.name.startswith("train") and len(rows) > 4:
            assert len({path.split("/")[1] for path in paths}) > 1


@pytest.mark.parametrize("part", ["train", "val"])
def test_names_order_and_labels_are_those_of_the_folder(
    images: Path, shards: Path, part: str
) -> None:
    expected = find_images(images / part)
    found = ShardSet(str(shards)).index.images_below(part)
    assert (found.images, found.classes) == (expected.images, expected.classes)


def test_images_beside_class_folders_and_deeper_ones(tmp_path: Path) -> None:
    for path in ("a/1.png", "a/x/2.png", "a/x y/0.png", "a-b/3.png", "4.png", "c/5.png"):
        (tmp_path / "from" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / path).write_bytes(b"" if path == "c/5.png" else path.encode())
    pack(tmp_path / "from", str(tmp_path / "to"), SHARD_SIZE, no_bar)
    shards = ShardSet(str(tmp_path / "to"))
    expected, found = find_images(tmp_path / "from"), shards.index.images_below("")
    assert sorted(found.images) == sorted(expected.images)
    assert (found.classes, found.empty) == (expected.classes, ["c/5.png"])
    assert shards.content("4.png") == b"4.png"


def test_an_upload_goes_on_where_it_failed(images: Path, store: Proxy, tmp_path: Path) -> None:
    refuse = [True]
    store.fault = lambda method, path, times: (
        Fault(status=503)
        if refuse[0] and method == "PUT" and path.endswith("train-00003.tar")
        else None
    )
    address = f"s3://bucket/{tmp_path.name}"
    with pytest.raises(UserError, match=r"train-00003.tar.*after 4 attempts.*same command goes on"):
        pack(images, address, SHARD_SIZE, no_bar)
    with pytest.raises(UserError, match="no shards"):
        ShardSet(address)
    refuse[0] = False
    assert pack(images, address, SHARD_SIZE, no_bar).kept == 3
    assert read_all(ShardSet(address)) == contents(images)
    puts = [path for method, path in store.asked if method == "PUT" and path.endswith("0.tar")]
    assert len(puts) == len(set(puts))
    assert not list((tmp_path / "cache").glob("packing-*"))


def test_an_image_that_changed_is_written_anew(images: Path, tmp_path: Path) -> None:
    shutil.copytree(images, tmp_path / "from")
    pack(tmp_path / "from", str(tmp_path / "to"), SHARD_SIZE, no_bar)
    path = next(iter(contents(images)))
    (tmp_path / "from" / path).write_bytes(b"another")
    assert pack(tmp_path / "from", str(tmp_path / "to"), SHARD_SIZE, no_bar).kept == 0
    assert ShardSet(str(tmp_path / "to")).content(path) == b"another"


def test_bad_input(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no folder"):
        pack(tmp_path / "none", str(tmp_path / "to"), SHARD_SIZE, no_bar)
    with pytest.raises(UserError, match="no image"):
        pack(tmp_path, str(tmp_path / "to"), SHARD_SIZE, no_bar)
    with pytest.raises(UserError, match="give another folder"):
        pack(images, str(images), SHARD_SIZE, no_bar)
    monkeypatch.setattr("mmresnet.datasets.shards.packing._MOST_FILES", 0)
    with pytest.raises(UserError, match="1 files that are no images"):
        pack(images, str(tmp_path / "to"), SHARD_SIZE, no_bar)
