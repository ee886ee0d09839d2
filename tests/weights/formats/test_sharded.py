"""Folders of shards: their damage is found, and reading them runs no code."""

import json
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed

from mmresnet.engine.checkpoints.files import find_newest
from mmresnet.engine.sharding.write import write_sharded
from mmresnet.errors import UserError
from mmresnet.weights.checkpoint import read
from mmresnet.weights.formats import sharded

WEIGHT = torch.arange(12.0).reshape(4, 3)


@pytest.fixture(scope="module")
def group() -> Iterator[object]:
    """Of one process."""
    store = distributed.HashStore()
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield distributed.new_group(backend="gloo")
    distributed.destroy_process_group()


@pytest.fixture
def write(group: object, tmp_path: Path) -> Callable[[int], Path]:
    """``write(3)`` returns the folder of iteration 3."""

    def run(number: int) -> Path:
        whole = {
            "meta": {"iter": number},
            "state_dict": {"weight": WEIGHT * number, "mean": torch.ones(2)},
            "optimizer": {"state": {0: {"momentum_buffer": WEIGHT}}, "param_groups": [{"lr": 0.1}]},
        }
        state, tensors = sharded.split(
            whole, lambda part: isinstance(part, torch.Tensor) and part.shape == WEIGHT.shape
        )
        path = tmp_path / f"iter_{number}.dcp"
        write_sharded(str(path), tensors, state, group)
        return path

    return run


def test_it_is_read_as_the_whole(write: Callable) -> None:
    content = read(write(2))
    assert torch.equal(content["state_dict"]["weight"], 2 * WEIGHT)
    assert torch.equal(content["state_dict"]["mean"], torch.ones(2))
    assert torch.equal(content["optimizer"]["state"][0]["momentum_buffer"], WEIGHT)
    assert content["optimizer"]["param_groups"] == [{"lr": 0.1}]


def test_what_is_no_shard_stays_as_it_is() -> None:
    value = {"milestones": Counter([3, 3, 5]), "pair": (1, [WEIGHT]), 4: {"text": "as it is"}}
    state, tensors = sharded.split(value, lambda part: part is WEIGHT)
    assert list(tensors) == ["pair.1.0"]
    assert state["milestones"] == Counter([3, 3, 5])
    paths = []
    joined = sharded.join(state, lambda name, path: paths.append(path) or tensors[name])
    assert joined == value
    assert paths == [("pair", 1, 0)]


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "harm", "message"),
    [
        ("__0_0.distcp", cut, "its file '__0_0.distcp' is cut off after"),
        ("__0_0.distcp", flip, "its file '__0_0.distcp' does not match its checksum"),
        (".metadata", flip, "its file '.metadata' does not match its checksum"),
        ("state.pth", Path.unlink, "is not complete: it lacks its file 'state.pth'"),
        ("checksums.json", Path.unlink, "is not complete: it lacks its file 'checksums.json'"),
        ("checksums.json", cut, "its file 'checksums.json' is no list of checksums"),
    ],
)
def test_of_two_folders_the_damaged_one_is_not_taken(
    name: str, harm: Callable, message: str, write: Callable
) -> None:
    older, newer = write(1), write(2)
    (newer.parent / "last_checkpoint").write_text(str(newer))
    assert find_newest(newer.parent).path == str(newer)
    harm(newer / name)
    found = find_newest(newer.parent)
    assert found.path == str(older)
    assert message in found.damaged[str(newer)]
    with pytest.raises(UserError, match="give another one"):
        read(newer)


def forge(folder: Path, metadata: bytes) -> None:
    """Replace the metadata, with the right checksum."""
    (folder / ".metadata").write_bytes(metadata)
    sums = json.loads((folder / "checksums.json").read_text())
    sums[".metadata"] = sharded.checksum(folder / ".metadata")
    (folder / "checksums.json").write_text(json.dumps(sums))


def test_metadata_run_no_code(write: Callable, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "harm"),)

    folder = write(1)
    forge(folder, pickle.dumps(Harm()))
    with pytest.raises(UserError, match=r"names '.*mkdir' in its metadata, which could run"):
        read(folder)
    assert not (tmp_path / "harm").exists()


def test_metadata_name_no_file_outside(write: Callable) -> None:
    folder = write(1)
    metadata = pickle.loads((folder / ".metadata").read_bytes())
    for info in metadata.storage_data.values():
        info.relative_path = f"../{folder.name}/{info.relative_path}"
    forge(folder, pickle.dumps(metadata))
    with pytest.raises(UserError, match="names a file outside of it"):
        read(folder)


def test_a_folder_of_the_same_name_is_replaced(write: Callable) -> None:
    write(1)
    again = write(1)
    assert sharded.damage(again) is None
    assert [path.name for path in again.parent.iterdir()] == ["iter_1.dcp"]
