"""The cache of a machine: its limit, a full disk, several processes, one that is killed."""

import hashlib
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from faulty_proxy import Fault, Proxy
from small_shards import ADDRESS, contents, read_all

from mmresnet.datasets.shards.cache import Cache, cache_limit
from mmresnet.datasets.shards.shard_set import ShardSet
from mmresnet.errors import ShardError, UserError

READ_ALL = f"""
import hashlib
from mmresnet.datasets.shards.shard_set import ShardSet
found = ShardSet("{ADDRESS}")
for row in range(len(found.index)):
    path = found.index.path(row)
    print(path, hashlib.md5(found.content(path)).hexdigest())
"""


def in_shard_order(found: ShardSet) -> list[str]:
    columns = found.index.columns
    rows = sorted(
        range(len(found.index)), key=lambda n: (columns["shard"][n], columns["offset"][n])
    )
    return [found.index.path(row) for row in rows]


def taken(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500_000_000), ("1.5 gb", 1_500_000_000), ("12", 12), ("", None)]
)
def test_a_limit_is_a_size(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", text)
    assert cache_limit() == size


def test_another_limit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "much")
    with pytest.raises(UserError, match="MMRESNET_SHARDS_CACHE_LIMIT=much is no size"):
        Cache()


def test_a_limit_is_kept_and_no_shard_is_fetched_twice(
    images: Path, store: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "40KB")  # three of ten
    found, most, read = ShardSet(ADDRESS), 0, {}
    for path in in_shard_order(found):
        read[path] = found.content(path)
        most = max(most, taken(tmp_path / "cache"))
    assert read == contents(images)
    assert 20_000 < most <= 40_000
    assert set(Counter(store.gets()).values()) == {1}


def test_what_was_read_least_recently_goes(store: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ShardSet(ADDRESS)
    limit = 3 * max(shard.size for shard in found.index.shards)
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", str(limit))
    found = ShardSet(ADDRESS)
    of_shard = {found.index.row(row).shard: row for row in range(len(found.index))}
    one, two, *others = [found.index.path(row) for _, row in sorted(of_shard.items())]
    for path in (one, two):
        found.content(path)
    for path in others:
        found.content(one)
        found.content(path)
    counted = Counter(store.gets())
    found.content(one)
    assert Counter(store.gets()) == counted
    found.content(two)
    assert sum(Counter(store.gets()).values()) == sum(counted.values()) + 1


def test_a_limit_below_a_shard_is_an_error(store: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE_LIMIT", "5KB")
    with pytest.raises(ShardError, match=r"no room for .*within MMRESNET_SHARDS_CACHE_LIMIT=5KB"):
        read_all(ShardSet(ADDRESS))


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A disk of 64 KB, which is there where this process may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this process may not mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_full_disk_older_shards_go(
    images: Path, store: Proxy, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE", str(small_disk / "cache"))
    found = ShardSet(ADDRESS)
    assert {path: found.content(path) for path in in_shard_order(found)} == contents(images)
    assert set(Counter(store.gets()).values()) == {1}


def test_a_disk_that_others_have_filled_is_an_error(
    store: Proxy, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE", str(small_disk / "cache"))
    found = ShardSet(ADDRESS)
    with pytest.raises(OSError), open(small_disk / "others", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    with pytest.raises(ShardError, match=r"no room for .*MMRESNET_SHARDS_CACHE\."):
        read_all(found)


def test_a_disk_that_has_no_room_for_the_index_is_an_error_at_once(
    store: Proxy, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE", str(small_disk / "cache"))
    (small_disk / "cache" / "indices").mkdir(parents=True)
    with pytest.raises(OSError), open(small_disk / "others", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    with pytest.raises(UserError, match=r"cache .* cannot be written .*No space left"):
        ShardSet(ADDRESS)
    assert len(store.gets(".safetensors")) <= 1


@pytest.mark.full
def test_processes_share_what_they_fetch(images: Path, store: Proxy) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", READ_ALL], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    wanted = {path: hashlib.md5(c).hexdigest() for path, c in contents(images).items()}
    for process in started:
        lines = process.communicate()[0].splitlines()
        assert dict(line.rsplit(" ", 1) for line in lines) == wanted
    assert set(Counter(store.gets()).values()) == {1}


@pytest.mark.full
def test_a_process_that_is_killed_leaves_nothing_behind(
    images: Path, store: Proxy, tmp_path: Path
) -> None:
    found = ShardSet(ADDRESS)
    store.fault = lambda method, path, times: Fault(wait=2) if path.endswith(".tar") else None
    process = subprocess.Popen([sys.executable, "-c", READ_ALL])
    try:
        while not store.gets():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    store.fault = lambda method, path, times: None
    assert list((tmp_path / "cache").glob("*.partial"))
    assert read_all(found) == contents(images)
    assert not list((tmp_path / "cache").glob("*.partial"))
