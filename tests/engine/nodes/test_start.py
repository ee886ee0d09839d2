"""What processes settle when they start: the same config, what to continue from, batches."""

import os
import platform

import pytest
from mmengine.config import Config

from mmresnet.engine.nodes import start
from mmresnet.engine.nodes.meeting import Meeting
from mmresnet.errors import UserError


class Told(Meeting):
    """A meeting with a second process, which says what is given, one for each exchange."""

    def __init__(self, *others):
        super().__init__()
        self.size, self.others = 2, list(others)

    def exchange(self, value):
        other = self.others.pop(0)
        return [value, value if other == "same" else other]


def test_another_config_is_told_by_its_settings():
    own = Config({"data_root": "/data", "optimizer": {"lr": 0.1}, "path": "/data/train"})
    other = {"data_root": "DATA_ROOT", "optimizer": {"lr": 0.2}, "path": "DATA_ROOT/train"}
    meeting = Told("same", ("digest", "node1"), other)
    with pytest.raises(UserError) as caught:
        start.check_same_config(meeting, own)
    assert str(caught.value) == (
        "Process 1 (on node1) has another config than the first process: optimizer.lr is 0.2, not "
        "0.1. Give all machines the same command, code and packages."
    )


def test_another_version_is_told():
    meeting = Told(("digest", "node1"), {"Python": "3.9"})
    with pytest.raises(UserError, match=r"node1\) has another version .* Python is '3\.9', not"):
        start.check_same_config(meeting, Config({}))


def test_data_may_lie_elsewhere_and_functions_at_other_addresses():
    digests = []

    class Noting(Meeting):
        def exchange(self, value):
            digests.append(value[0])
            return [value]

    for root in ("/data", "/mnt/of/another/host"):
        cfg = Config({"data_root": root, "train": {"ann_file": f"{root}/train.json"}})
        cfg._cfg_dict["hook"] = type("Callable", (), {})()
        start.check_same_config(Noting(), cfg)
    assert digests[1] == digests[3]


@pytest.fixture
def work(tmp_path):
    (tmp_path / "last_checkpoint").write_text("epoch_1.pth")
    os.utime(tmp_path / "last_checkpoint", (1000, 1000))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [(900, 900, True), (2000, 900, True), (900, 2000, True), (2000, 2000, False)],
)
def test_a_run_continues_from_its_own_checkpoint_alone(own, other, expected, work, monkeypatch):
    monkeypatch.setenv("MMRESNET_STARTED", str(own))
    meeting = Told((other, 1000.0, "node1"))
    assert start.continues(meeting, work) == expected


def test_without_a_checkpoint_a_run_begins(tmp_path, monkeypatch):
    monkeypatch.setenv("MMRESNET_STARTED", "0")
    assert not start.continues(Told((0.0, None, "node1")), str(tmp_path))


def test_a_machine_that_does_not_see_the_checkpoint_is_named(work, monkeypatch):
    monkeypatch.setenv("MMRESNET_STARTED", "900")
    with pytest.raises(UserError, match="The machine node1 does not see the last checkpoint"):
        start.continues(Told((900.0, None, "node1")), work)
    with pytest.raises(UserError, match=f"The machine {platform.node()} does not see"):
        start.continues(Told((900.0, 1000.0, "node1")), f"{work}/empty")


@pytest.mark.parametrize(
    ("most", "now", "batch", "note"),
    [
        ("8", 8, 32, None),
        ("8", 2, 128, "2 of at most 8 processes, with 128 images each: 256 images per step"),
        ("8", 6, 42, "with 42 images each: 252 images per step, and not 256."),
        ("0", 2, 32, None),
    ],
)
def test_the_images_per_step_are_shared_by_those_that_are_there(
    most, now, batch, note, monkeypatch
):
    monkeypatch.setenv("MMRESNET_MOST_PROCESSES", most)
    cfg = Config({"train_dataloader": {"batch_size": 32}})
    found = start.keep_images_per_step(cfg, now)
    assert cfg.train_dataloader.batch_size == batch
    assert found is None if note is None else note in found


def test_a_logical_shard_keeps_its_images(monkeypatch):
    monkeypatch.setenv("MMRESNET_MOST_PROCESSES", "8")
    cfg = Config({"logical_shards": 8, "train_dataloader": {"batch_size": 32}})
    assert start.keep_images_per_step(cfg, 2) is None
    assert cfg.train_dataloader.batch_size == 32


def test_more_processes_than_images(monkeypatch):
    monkeypatch.setenv("MMRESNET_MOST_PROCESSES", "2")
    with pytest.raises(UserError, match="2 images per step cannot be shared among 4 processes"):
        start.keep_images_per_step(Config({"train_dataloader": {"batch_size": 1}}), 4)
