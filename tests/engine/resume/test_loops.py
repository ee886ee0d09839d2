"""The loops in a Runner: which config uses them, and what a checkpoint of theirs holds."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner as EngineRunner
from small_classifier import SMALL

from mmresnet.engine.assembly import import_packages, prepare_run
from mmresnet.engine.prefetch import sending_for
from mmresnet.engine.prepared import PreparedBatch
from mmresnet.engine.resume.compare import differences, read_curve
from mmresnet.engine.resume.hook import KEY
from mmresnet.engine.runner import Runner

OPTIONS = {
    **SMALL,
    "default_hooks.logger.interval": 1,
    "default_hooks.checkpoint.by_epoch": False,
    "default_hooks.checkpoint.interval": 1,
    "default_hooks.checkpoint.max_keep_ckpts": -1,
}
_numbers = itertools.count()


@pytest.fixture
def train(tiny_images: Path, tmp_path: Path) -> Callable[..., EngineRunner]:
    """``train(name, kind, resume=checkpoint, **settings)`` trains, and returns the Runner."""
    torch.set_num_threads(1)

    def run(
        name: str,
        kind: type[EngineRunner] = Runner,
        resume: Path | None = None,
        train_cfg: dict | None = None,
        **settings: Any,
    ) -> EngineRunner:
        options = {**OPTIONS, "data_root": str(tiny_images), **settings}
        options["experiment_name"] = f"loops{next(_numbers)}"
        cfg = prepare_run("resnet50_8xb32_in1k", str(tmp_path / name), options)
        if train_cfg:
            cfg.train_cfg = train_cfg
        if resume:
            cfg.resume, cfg.load_from = True, str(resume)
        import_packages(cfg)
        runner = kind.from_cfg(cfg)
        runner.train()
        return runner

    return run


def state_of(work_dir: Path, name: str) -> dict:
    checkpoint = torch.load(work_dir / name, weights_only=True)
    parts = ("state_dict", "optimizer", "param_schedulers")
    return {part: checkpoint[part] for part in parts} | {"random": checkpoint[KEY]["ranks"]}


@pytest.mark.full
def test_stock_runner(train: Callable, tmp_path: Path) -> None:
    """The type of the loop is all that mmengine's Runner and its hooks need."""
    loop = dict(type="mmresnet.EpochBasedTrainLoop", max_epochs=2)
    stock = {"default_hooks.checkpoint.type": "mmengine.CheckpointHook", "custom_hooks": []}
    stock["train_cfg"] = loop
    train("whole", EngineRunner, **stock)
    for middle in ("iter_4.pth", "iter_6.pth", "iter_7.pth"):
        train("again", EngineRunner, tmp_path / "whole" / middle, **stock)
        whole, again = (state_of(tmp_path / n, "iter_12.pth") for n in ("whole", "again"))
        assert list(differences(whole, again)) == []


@pytest.mark.parametrize(
    "train_cfg",
    [
        dict(by_epoch=False, max_iters=15, val_interval=5),
        dict(type="IterBasedTrainLoop", max_iters=15, val_interval=5),
    ],
)
def test_iterations(train: Callable, tmp_path: Path, train_cfg: dict) -> None:
    """Resumed in the second pass over the data, and where a validation is due."""
    settings = {"train_cfg": train_cfg, "default_hooks.sampler_seed": None}
    train("whole", **settings)
    for middle in ("iter_7.pth", "iter_10.pth"):
        train("again", resume=tmp_path / "whole" / middle, **settings)
        whole, again = (state_of(tmp_path / n, "iter_15.pth") for n in ("whole", "again"))
        assert list(differences(whole, again)) == []
        curves = [read_curve(tmp_path / name) for name in ("whole", "again")]
        assert list(differences(*curves)) == []


@pytest.mark.parametrize("settings", [{}, {"logical_shards": 2}], ids=["whole", "divided"])
def test_batches_that_are_prepared_ahead(
    train: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    """As on a GPU: weights and random states after each step are those of a run without."""
    train("plain", **settings)
    kinds = set()

    def ahead(model: Any, whole_batches: bool) -> Callable[[Iterator[Any]], Iterator[Any]]:
        send = sending_for(model.data_preprocessor, whole_batches)

        def hand_out(batches: Iterator[Any]) -> Iterator[Any]:
            held = None
            for batch in map(send, batches):
                kinds.add(type(batch))
                if held is not None:
                    yield held
                held = batch
            if held is not None:
                yield held

        return hand_out

    monkeypatch.setattr("mmresnet.engine.resume.loops.prefetcher_for", ahead)
    train("ahead", **settings)
    assert kinds == {dict if settings else PreparedBatch}
    for name in ("iter_3.pth", "iter_6.pth"):
        states = [state_of(tmp_path / run, name) for run in ("plain", "ahead")]
        assert list(differences(*states)) == []


@HOOKS.register_module(force=True)
class Counter(Hook):
    """Has a state of its own."""

    def __init__(self) -> None:
        self.seen = 0

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        self.seen += 1

    def state_dict(self) -> dict:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict) -> None:
        self.seen = state["seen"]


@pytest.mark.full
def test_hooks_and_early_stopping(train: Callable, tmp_path: Path) -> None:
    """A hook's state is resumed; so is how long early stopping has waited, in a stock hook."""
    stopping = dict(type="EarlyStoppingHook", monitor="accuracy/top1", min_delta=200, patience=2)
    settings = {
        "custom_hooks": [stopping, dict(type="Counter")],
        "train_cfg.max_epochs": 4,
        "default_hooks.checkpoint.save_best": None,
    }
    settings["val_dataloader.dataset.data_prefix"] = "train"
    whole = train("whole", **settings)
    assert whole.iter == 18  # stopped after three epochs of four
    again = train("again", resume=tmp_path / "whole" / "iter_14.pth", **settings)
    assert again.iter == 18
    assert [hook.seen for hook in again.hooks if isinstance(hook, Counter)] == [18]


def test_a_validation_is_due_or_done(train: Callable, tmp_path: Path) -> None:
    """A checkpoint from before the validation is validated first, one from after it is not."""
    stock = {"default_hooks.checkpoint.type": "mmengine.CheckpointHook"}
    settings = {**stock, "default_hooks.checkpoint.save_best": None}
    whole = train("whole", **settings)
    whole.save_checkpoint(str(tmp_path), "ended.pth", by_epoch=False, meta=dict(epoch=2, iter=12))
    before = train("before", resume=tmp_path / "whole" / "iter_6.pth", **settings)
    ended = train("ended", resume=tmp_path / "ended.pth", **settings)
    lines = read_curve(tmp_path / "before")
    assert lines == read_curve(tmp_path / "whole") == read_curve(tmp_path / "ended")
    assert [line["step"] for line in lines if "accuracy/top1" in line] == [1, 2]
    assert len(before.message_hub.get_scalar("val/accuracy/top1").data[0]) == 2
    assert len(ended.message_hub.get_scalar("val/accuracy/top1").data[0]) == 2


@pytest.mark.full
def test_a_checkpoint_of_mmengine(train: Callable, tmp_path: Path) -> None:
    """It lacks the state: training goes on after the iterations that were done, and says so."""
    train("whole")
    checkpoint = torch.load(tmp_path / "whole" / "iter_8.pth", weights_only=True)
    del checkpoint[KEY]
    torch.save(checkpoint, tmp_path / "stock.pth")
    again = train("again", resume=tmp_path / "stock.pth")
    assert again.iter == 12
    steps = [line["step"] for line in read_curve(tmp_path / "again") if "loss" in line]
    assert steps == [9, 10, 11, 12]
    log = next((tmp_path / "again").glob("*/*.log")).read_text()
    assert "lacks random states: this run continues, but not bit for bit." in log
