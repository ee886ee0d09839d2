"""Images in shards, from a folder and from an object store that fails."""

import subprocess
from collections import Counter
from pathlib import Path

import boto3
import pytest
from faulty_proxy import Fault, Proxy
from small_shards import ADDRESS, contents, read_all

from mmresnet.datasets.shards import stores
from mmresnet.datasets.shards.index import INDEX
from mmresnet.datasets.shards.shard_set import ShardSet
from mmresnet.errors import ShardError, UserError

FIRST = "train-00000.tar"


def fetches(store: Proxy) -> Counter[str]:
    return Counter(store.gets())


def test_a_folder_of_shards_holds_what_was_packed(images: Path, shards: Path) -> None:
    found = ShardSet(str(shards))
    assert read_all(found) == contents(images)
    assert found.local_file("annotations/list.json") == str(shards / "annotations" / "list.json")
    with pytest.raises(FileNotFoundError):
        found.content("train/a/none.png")


def test_tar_reads_the_shards(images: Path, shards: Path, tmp_path: Path) -> None:
    for shard in shards.glob("*.tar"):
        subprocess.run(["tar", "xf", shard, "-C", tmp_path], check=True)
    assert contents(tmp_path) == contents(images)


def test_each_shard_is_fetched_once(images: Path, store: Proxy) -> None:
    assert read_all(ShardSet(ADDRESS)) == contents(images)
    assert set(fetches(store).values()) == {1}
    again = ShardSet(ADDRESS)
    assert again.content("annotations/list.json") == b'{"images": []}'
    assert read_all(again) == contents(images)
    assert set(fetches(store).values()) == {1}
    assert store.gets(INDEX) == [INDEX]


def test_another_index_is_fetched_again(
    images: Path, shards: Path, store: Proxy, tmp_path: Path
) -> None:
    ShardSet(ADDRESS)
    index = (shards / INDEX).read_bytes()
    try:
        (shards / INDEX).write_bytes(index.replace(b'"format', b' "format'))
        with pytest.raises(UserError, match="no index of shards, or damaged"):
            ShardSet(ADDRESS)
    finally:
        (shards / INDEX).write_bytes(index)
    ShardSet(ADDRESS)


@pytest.mark.parametrize(
    "fault",
    [Fault(status=503), Fault(status=500), Fault(cut_after=0), Fault(cut_after=2000)],
    ids=["503", "500", "refused", "cut"],
)
def test_what_passes_is_tried_again(images: Path, store: Proxy, fault: Fault) -> None:
    store.fault = lambda method, path, times: fault if times < 2 else None
    assert read_all(ShardSet(ADDRESS)) == contents(images)


def test_a_slow_answer_is_waited_for(images: Path, store: Proxy) -> None:
    store.fault = lambda method, path, times: Fault(pause=0.02) if FIRST in path else None
    assert read_all(ShardSet(ADDRESS)) == contents(images)
    assert set(fetches(store).values()) == {1}


def test_an_answer_that_stops_is_asked_for_again(
    images: Path, store: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_TIMEOUT", 0.3)
    store.fault = lambda method, path, times: (
        Fault(wait=1.5) if path.endswith(FIRST) and times < 1 else None
    )
    assert read_all(ShardSet(ADDRESS)) == contents(images)
    assert fetches(store)[FIRST] == 2


def test_a_store_that_keeps_failing_ends_with_one_error(store: Proxy) -> None:
    found = ShardSet(ADDRESS)
    store.fault = lambda method, path, times: Fault(status=503)
    with pytest.raises(ShardError, match=r"train-0000.*cannot be read after 4 attempts.*503"):
        read_all(found)


def test_bits_that_flip_on_the_way_are_fetched_again(images: Path, store: Proxy) -> None:
    store.fault = lambda method, path, times: (
        Fault(flip=1000) if path.endswith(FIRST) and times < 1 else None
    )
    assert read_all(ShardSet(ADDRESS)) == contents(images)
    assert fetches(store)[FIRST] == 2


def test_bits_that_flipped_in_the_store_are_an_error(
    images: Path, store: Proxy, tmp_path: Path
) -> None:
    found = ShardSet(ADDRESS)
    store.fault = lambda method, path, times: Fault(flip=1000) if FIRST in path else None
    with pytest.raises(ShardError, match=f"{FIRST}.*changed or damaged.*same in 3 fetches"):
        read_all(found)
    assert not list((tmp_path / "cache").glob("*.partial"))
    store.fault = lambda method, path, times: None
    assert read_all(found) == contents(images)


def test_bits_that_flipped_in_a_folder_are_an_error(shards: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", f"{shards}/.", tmp_path], check=True)
    content = bytearray((tmp_path / FIRST).read_bytes())
    content[1000] ^= 1
    (tmp_path / FIRST).write_bytes(content)
    with pytest.raises(ShardError, match=f"{FIRST}.*changed or damaged: 'train/.*checksum"):
        read_all(ShardSet(str(tmp_path)))
    (tmp_path / FIRST).write_bytes(content[:2000])
    with pytest.raises(ShardError, match=f"{FIRST}.*changed or damaged"):
        read_all(ShardSet(str(tmp_path)))
    (tmp_path / FIRST).unlink()
    with pytest.raises(ShardError, match=f"no shard '.*{FIRST}'"):
        read_all(ShardSet(str(tmp_path)))


def test_an_object_that_is_gone_is_an_error_at_once(shards: Path, store: Proxy) -> None:
    found, content = ShardSet(ADDRESS), (shards / FIRST).read_bytes()
    place = dict(Bucket="bucket", Key=f"some/set/{FIRST}")
    client = boto3.client("s3", region_name="us-east-1")
    client.delete_object(**place)
    try:
        with pytest.raises(ShardError, match=rf"{FIRST}' cannot be read: there is no such object"):
            read_all(found)
        assert fetches(store)[FIRST] <= 1
    finally:
        client.put_object(**place, Body=content)


def test_wrong_credentials_and_addresses_are_named(
    store: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"no shards at 's3://bucket/none'.*--shards"):
        ShardSet("s3://bucket/none")
    with pytest.raises(UserError, match="names no bucket"):
        ShardSet("s3://")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(UserError, match=r"cannot be read: the store answers 403"):
        ShardSet(ADDRESS)
