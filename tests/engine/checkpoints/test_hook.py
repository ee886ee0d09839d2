"""Checkpoints are written whole, in the background; failures and signals lose nothing."""

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook as EngineHook
from safetensors.torch import load_file
from tiny_runs import At, fill_disk, names, tiny_run

from mmresnet.engine import CheckpointHook
from mmresnet.engine.assembly import prepare_run
from mmresnet.engine.checkpoints.files import damage
from mmresnet.errors import Stopped, UserError

PLAIN = ["best.pth", "best.safetensors", "last.pth", "last.safetensors"]


def load(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def send(number: signal.Signals):
    return lambda runner: os.kill(os.getpid(), number)


@pytest.fixture
def warnings(caplog):
    """``warnings(runner)`` collects those of its log."""

    def of(runner):
        runner.logger.addHandler(caplog.handler)
        return caplog

    return of


def fill(disk: Path):
    """Leave no room on a disk, once what is being written is written."""

    def call(runner):
        runner.hooks[-1].report(wait=True)
        fill_disk(disk)

    return call


def test_files_and_their_names(tmp_path):
    runner = tiny_run(tmp_path, epochs=4, max_keep_ckpts=2)
    runner.train()
    expected = ["best_score_epoch_4.pth", "epoch_3.pth", "epoch_4.pth", *PLAIN]
    assert names(tmp_path) == sorted(expected)
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "epoch_4.pth")
    info = load(tmp_path / "epoch_4.pth")["message_hub"]["runtime_info"]
    assert info["best_ckpt"] == str(tmp_path / "best_score_epoch_4.pth")
    assert info["keep_ckpt_ids"] == [3, 4]


def test_the_same_files_as_mmengines(tmp_path):
    for folder, kind in (("ours", "mmresnet.CheckpointHook"), ("theirs", "CheckpointHook")):
        tiny_run(
            tmp_path / folder,
            epochs=3,
            type=kind,
            interval=2,
            published_keys=["meta", "state_dict"],
            filename_tmpl="e{}.pth",
        ).train()
    ours, theirs = (
        {name.rpartition("-")[0] or name for name in names(tmp_path / folder)}
        for folder in ("ours", "theirs")
    )
    assert ours - theirs == set(PLAIN)
    assert theirs <= ours
    pair = [load(tmp_path / folder / "e3.pth") for folder in ("ours", "theirs")]
    torch.testing.assert_close(pair[0]["state_dict"], pair[1]["state_dict"], rtol=0, atol=0)
    torch.testing.assert_close(pair[0]["optimizer"], pair[1]["optimizer"], rtol=0, atol=0)


def test_what_is_saved_does_not_change_while_it_is_written(tmp_path, monkeypatch):
    """The weights are changed right after the save, before the thread has begun."""
    saved = []

    def change(runner):
        saved.append(runner.model.fc.weight.detach().clone())
        runner.model.fc.weight.data.zero_()

    from mmresnet.engine.checkpoints import writer

    write = writer.write_torch
    monkeypatch.setattr(
        "mmresnet.engine.checkpoints.saves.write_torch",
        lambda *given: (time.sleep(0.3), write(*given)),
    )
    late = At("after_train_epoch", 1, change)
    late.priority = "LOWEST"
    runner = tiny_run(tmp_path, epochs=1, save_best=None)
    runner.register_hook(late, priority="LOWEST")
    runner.train()
    assert torch.equal(load(tmp_path / "epoch_1.pth")["state_dict"]["fc.weight"], saved[0])


def test_the_averaged_weights_are_written_alone(tmp_path):
    runner = tiny_run(tmp_path, ema=True)
    runner.train()
    whole = load(tmp_path / "epoch_2.pth")
    averaged = whole["state_dict"]["fc.weight"]
    assert not torch.equal(averaged, runner.model.fc.weight)
    assert torch.equal(whole["ema_state_dict"]["module.fc.weight"], runner.model.fc.weight)
    for stem in ("best", "last"):  # the second epoch is both
        plain = load(tmp_path / "weights" / f"{stem}.pth")
        assert plain["meta"]["epoch"] == 2
        assert plain["state_dict"].keys() == {"fc.weight", "fc.bias", "ballast"}
        tensors = load_file(tmp_path / "weights" / f"{stem}.safetensors")
        assert torch.equal(plain["state_dict"]["fc.weight"], averaged)
        assert torch.equal(tensors["fc.weight"], averaged)


def test_a_full_disk_stops_nothing(small_disk, warnings):
    """The second epoch finds no room; once there is some, the third is saved."""

    def free(runner):
        runner.hooks[-1].report(wait=True)
        assert damage(small_disk / "epoch_1.pth") is None
        assert names(small_disk) == ["best.pth", "best.safetensors", *first]
        (small_disk / "filler").unlink()

    first = ["best_score_epoch_1.pth", "epoch_1.pth"]
    hooks = At("after_train_iter", 5, fill(small_disk)), At("before_train_epoch", 3, free)
    runner = tiny_run(small_disk, *hooks, epochs=4, max_keep_ckpts=2)
    log = warnings(runner)
    runner.train()
    (warning,) = (r for r in log.records if "/epoch_2.pth' could not be written" in r.message)
    assert warning.levelname == "WARNING"
    assert "(No space left on device). Training goes on" in warning.message
    expected = ["best_score_epoch_4.pth", "epoch_3.pth", "epoch_4.pth", *PLAIN]
    assert names(small_disk) == sorted(expected)
    assert all(damage(path) is None for path in small_disk.glob("*.pth"))


def test_a_best_checkpoint_that_finds_no_room_leaves_the_one_before(small_disk):
    """Only the best of the second epoch fails; the third scores less than it, the fourth more."""

    def check(runner):
        runner.hooks[-1].settle(runner)
        best = small_disk / "best_score_epoch_1.pth"
        assert damage(best) is None
        assert runner.message_hub.get_info("best_score") == 0.2
        assert runner.message_hub.get_info("best_ckpt") == str(best)
        (small_disk / "filler").unlink()

    hooks = At("before_val", 2, fill(small_disk)), At("before_train_epoch", 3, check)
    tiny_run(small_disk, *hooks, epochs=3).train()
    assert "best_score_epoch_3.pth" in names(small_disk)
    assert "best_score_epoch_1.pth" not in names(small_disk)


def test_a_folder_that_becomes_read_only(small_disk, tmp_path, warnings):
    def remount(mode):
        def call(runner):
            runner.hooks[-1].report(wait=True)
            subprocess.run(["mount", "-o", f"remount,{mode}", small_disk], check=True)

        return call

    hooks = At("after_train_iter", 5, remount("ro")), At("after_train_iter", 9, remount("rw"))
    # the log, an open file, is elsewhere
    runner = tiny_run(tmp_path / "work", *hooks, epochs=3, save_best=None, out_dir=str(small_disk))
    log = warnings(runner)
    runner.train()
    assert "(Read-only file system). Training goes on" in log.text
    expected = ["epoch_1.pth", "epoch_3.pth", "last.pth", "last.safetensors"]
    assert names(small_disk) == expected


def test_a_last_checkpoint_that_cannot_be_written_is_an_error(tmp_path):
    """By a limit of the size of files, which holds on every machine."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(runner):
        runner.hooks[-1].report(wait=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))

    try:
        runner = tiny_run(tmp_path, At("after_train_iter", 5, limit), ballast=100_000)
        with pytest.raises(UserError, match=r"complete, but.* intact one is '.*epoch_1\.pth'"):
            runner.train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert damage(tmp_path / "epoch_1.pth") is None
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def test_what_is_no_fault_of_the_disk_is_raised(tmp_path):
    def spoil(runner):
        runner.message_hub.update_info("spoiled", lambda: 0)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Exception, match="local object"):
        tiny_run(tmp_path, At("after_train_iter", 1, spoil)).train()
    with pytest.raises(KeyboardInterrupt):  # the hook has not been closed, but the loop has ended
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize(("number", "error"), [("SIGTERM", Stopped), ("SIGINT", KeyboardInterrupt)])
def test_a_signal_saves_and_ends(number, error, tmp_path):
    stop = At("after_train_iter", 6, send(signal.Signals[number]))
    with pytest.raises(error) as caught:
        tiny_run(tmp_path, stop, epochs=3).train()
    assert error is KeyboardInterrupt or caught.value.code == 143
    saved = tmp_path / "iter_6.pth"
    assert (tmp_path / "last_checkpoint").read_text() == str(saved)
    assert load(saved)["meta"]["iter"] == 6
    assert load(saved)["meta"]["epoch"] == 1
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    # the next run goes on from it, and removes it once it has saved
    runner = tiny_run(tmp_path, epochs=3, resume=True)
    runner.train()
    assert runner.hooks[-1].out_dir == str(tmp_path)
    assert "iter_6.pth" not in names(tmp_path)
    assert "epoch_3.pth" in names(tmp_path)


def test_a_signal_in_a_validation_saves_nothing_twice(tmp_path):
    stop = At("after_val_iter", 3, send(signal.SIGTERM))  # of two a validation
    with pytest.raises(Stopped):
        tiny_run(tmp_path, stop, epochs=3).train()
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "epoch_2.pth")
    assert "iter_8.pth" not in names(tmp_path)


def test_a_signal_at_the_end_of_an_epoch_saves_the_epoch(tmp_path):
    stop = At("after_train_iter", 4, send(signal.SIGTERM))
    with pytest.raises(Stopped):
        tiny_run(tmp_path, stop, interval=3).train()
    assert load(tmp_path / "iter_4.pth")["meta"]["epoch"] == 1


def test_a_second_signal_acts_as_without_the_hook(tmp_path):
    def twice(runner):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # as torchrun repeats it at once
        time.sleep(1.1)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        tiny_run(tmp_path, At("before_train_iter", 2, twice)).train()
    assert names(tmp_path) == []


def test_minutes(tmp_path):
    slow = At("before_train_iter", 3, lambda runner: time.sleep(1.2))
    found = []
    look = At("before_train_iter", 5, lambda runner: found.append(names(tmp_path)))
    tiny_run(tmp_path, slow, look, epochs=2, interval=2, minutes=1 / 60, save_best=None).train()
    assert found == [["iter_3.pth"]]
    assert names(tmp_path) == ["epoch_2.pth", "last.pth", "last.safetensors"]


@pytest.mark.parametrize("minutes", [-1, "5", True, float("nan")])
def test_minutes_are_checked(minutes):
    with pytest.raises(UserError, match="minutes must be a number from 0"):
        CheckpointHook(minutes=minutes)


def test_minutes_are_off_where_nothing_is_saved():
    assert CheckpointHook().minutes == 0
    assert CheckpointHook(interval=5).minutes == 10


def test_iteration_loops(tmp_path):
    loop = {"by_epoch": False, "max_iters": 9, "val_interval": 4}
    stop = At("after_train_iter", 6, send(signal.SIGTERM))
    with pytest.raises(Stopped):
        tiny_run(tmp_path, stop, train_cfg=loop, by_epoch=False, interval=2).train()
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "iter_6.pth")
    runner = tiny_run(tmp_path, resume=True, train_cfg=loop, by_epoch=False, interval=2)
    runner.train()
    assert "iter_6.pth" in names(tmp_path)  # it is one of the interval's, too
    assert runner.iter == 9


def test_partial_files_of_a_killed_run_are_removed(tmp_path):
    (tmp_path / ".epoch_7.pth-abcdefgh").write_bytes(b"PK")
    tiny_run(tmp_path, epochs=1).train()
    assert not [name for name in names(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize("given", ["CheckpointHook", "mmengine.CheckpointHook", None])
def test_every_run_of_ours_uses_it(given):
    settings = {"type": given, "interval": 7} if given else None
    hooks = {"default_hooks": {"checkpoint": settings}} if given else {}
    cfg = prepare_run(Config({"model": {"type": "ImageClassifier"}, **hooks}))
    assert cfg.default_hooks.checkpoint.type == "mmresnet.CheckpointHook"
    assert cfg.default_hooks.checkpoint.interval == (7 if given else 1)


def test_another_hook_is_left_alone():
    hook = {"type": "their.CheckpointHook"}
    cfg = prepare_run(
        Config({"model": {"type": "ImageClassifier"}, "default_hooks": {"checkpoint": hook}})
    )
    assert cfg.default_hooks.checkpoint.type == "their.CheckpointHook"
    assert issubclass(CheckpointHook, EngineHook)
