"""mmengine's own checkpoints load, and what would run code is refused with an error message."""

import functools
import importlib.metadata
import importlib.util
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.runner.checkpoint import load_checkpoint, load_from_http, load_from_local
from torch.utils.data import DataLoader

import mmresnet.registry  # noqa: F401  which applies the patches
from mmresnet.compat.checkpoints import load_checkpoint_file
from mmresnet.errors import UserError


class TinyNet(BaseModel):
    """One weight matrix, trained to tell the sign of the inputs' sum."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)

    def forward(self, inputs, labels, mode="tensor"):
        scores = self.fc(inputs)
        if mode == "loss":
            return {"loss": torch.nn.functional.cross_entropy(scores, labels)}
        return list(zip(scores.argmax(1).tolist(), labels.tolist(), strict=True))


class HitRate(BaseMetric):
    def process(self, data_batch, data_samples) -> None:
        self.results += [guess == label for guess, label in data_samples]

    def compute_metrics(self, results: list) -> dict:
        return {"hits": sum(results) / len(results)}


def tiny_runner(folder: Path, name: str, epochs: int, **options) -> Runner:
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    data = [(row, int(row.sum() > 0)) for row in inputs]
    return Runner(
        TinyNet(),
        str(folder),
        experiment_name=name,
        train_dataloader=DataLoader(data, 4, sampler=DefaultSampler(data)),
        val_dataloader=DataLoader(data, 4, sampler=DefaultSampler(data, shuffle=False)),
        val_evaluator=[HitRate()],
        val_cfg={},
        train_cfg={"by_epoch": True, "max_epochs": epochs},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
        param_scheduler=[
            {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 2},
            {"type": "MultiStepLR", "milestones": [1], "by_epoch": True},
        ],
        default_hooks={
            "checkpoint": {"type": "CheckpointHook", "save_best": "hits", "rule": "greater"}
        },
        custom_hooks=[{"type": "EMAHook"}],
        randomness={"seed": 0},
        **options,
    )


def test_a_run_is_saved_resumed_and_loaded(tmp_path) -> None:
    tiny_runner(tmp_path, "first", epochs=1).train()
    written = tmp_path / "epoch_1.pth"

    state = load_checkpoint_file(str(written))
    history = state["message_hub"]["log_scalars"]["train/loss"]
    assert isinstance(history, HistoryBuffer)
    assert history.mean() > 0
    assert "ema_state_dict" in state

    second = tiny_runner(tmp_path, "second", epochs=2, load_from=str(written), resume=True)
    second.train()
    assert second.epoch == 2
    assert second.iter == 4

    net = TinyNet()
    load_checkpoint(net, str(written))
    assert torch.equal(net.fc.weight, state["state_dict"]["fc.weight"])


def written_with(numpy_module: bytes, folder: Path) -> Path:
    """A checkpoint with a history, as a machine with that numpy would have written it."""
    source, target = folder / "source.pth", folder / "target.pth"
    torch.save({"history": HistoryBuffer([1.0, 2.0], [1, 1])}, source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                assert b"numpy._core" in content or b"numpy.core" in content
                content = content.replace(b"numpy._core.", b"numpy.core.")
                content = content.replace(b"numpy.core.", numpy_module)
            new.writestr(name, content)
    return target


@pytest.mark.parametrize("numpy_module", [b"numpy.core.", b"numpy._core."])
def test_a_history_of_either_numpy_loads(tmp_path, numpy_module: bytes) -> None:
    state = load_checkpoint_file(str(written_with(numpy_module, tmp_path)))
    assert state["history"].mean() == 1.5
    assert state["history"].statistics("max") == 2


class Call:
    """Pickled, it becomes a call of ``function``, which may be a Call in its turn."""

    def __init__(self, function, *args) -> None:
        self.call = function, args

    def __call__(self) -> None:
        """Make it look like a function to pickle."""

    def __reduce__(self) -> tuple:
        return self.call


def reached_from_history() -> Call:
    """``eval``, reached from a type that checkpoints may hold."""
    names = Call(getattr, Call(getattr, HistoryBuffer, "__init__"), "__globals__")
    builtin = Call(Call(getattr, names, "get"), "__builtins__")
    return Call(Call(getattr, builtin, "get"), "eval")


ATTACKS = {
    "os.mkdir": lambda folder: Call(os.mkdir, folder),
    "eval": lambda folder: Call(eval, f"__import__('os').mkdir({folder!r})"),
    "getattr of a module": lambda folder: Call(
        Call(getattr, Call(importlib.import_module, "os"), "mkdir"), folder
    ),
    "getattr of a history": lambda folder: Call(
        reached_from_history(), f"__import__('os').mkdir({folder!r})"
    ),
    "a history's values": lambda folder: HistoryBuffer([1.0, Call(os.mkdir, folder)], [1, 1]),
}


def assert_is_one_line(error: BaseException, path: Path | str) -> None:
    assert str(error).startswith(str(path))
    assert str(error).endswith(".")
    assert "\n" not in str(error)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_code_in_a_checkpoint_is_not_run(tmp_path, attack: str, zipped: bool) -> None:
    path, witness = tmp_path / "net.pth", tmp_path / "witness"
    payload = {"state_dict": ATTACKS[attack](str(witness))}
    torch.save(payload, path, _use_new_zipfile_serialization=zipped)
    torch.load(path, weights_only=False)
    witness.rmdir()  # it is there: the attack works where nothing stops it

    with pytest.raises(UserError, match="nothing in it was run") as refusal:
        load_from_local(str(path), None)
    assert_is_one_line(refusal.value, path)
    assert not witness.exists()


@pytest.fixture
def site(tmp_path, monkeypatch) -> Iterator[str]:
    """The address of a server of ``tmp_path``, whose files torch then keeps in a folder there."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "*")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_code_from_a_url_is_not_run_and_values_load(tmp_path, site: str) -> None:
    witness = tmp_path / "witness"
    torch.save({"weight": Call(os.mkdir, str(witness))}, tmp_path / "bad.pth")
    torch.save({"weight": torch.ones(2), "history": HistoryBuffer([1.0], [1])}, tmp_path / "ok.pth")
    with pytest.raises(UserError, match="nothing in it was run") as refusal:
        load_from_http(f"{site}/bad.pth")
    assert_is_one_line(refusal.value, f"{site}/bad.pth")
    assert not witness.exists()
    state = load_from_http(f"{site}/ok.pth")
    assert state["history"].mean() == 1


def test_the_refusal_names_what_it_refuses(tmp_path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"path": Path("a")}, path)
    with pytest.raises(UserError, match=r"holds 'pathlib\.") as refusal:
        load_checkpoint_file(str(path))
    assert_is_one_line(refusal.value, path)


def broken_files() -> dict[str, bytes]:
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(50, 50)}, buffer)
    whole = buffer.getvalue()
    legacy = io.BytesIO()
    torch.save({"weight": torch.ones(50, 50)}, legacy, _use_new_zipfile_serialization=False)
    return {
        "empty": b"",
        "page": b"<!DOCTYPE html>\n<html><body>404: Not Found</body></html>\n",
        "text": b"version https://git-lfs.github.com/spec/v1\n",
        "numbers": bytes(range(256)),
        "cut near the start": whole[:100],
        "cut in the middle": whole[: len(whole) // 2],
        "cut near the end": whole[:-10],
        "legacy, cut near the start": legacy.getvalue()[:40],
        "legacy, cut near the end": legacy.getvalue()[:-10],
    }


@pytest.mark.parametrize("kind", broken_files())
def test_a_broken_file_raises_an_error_message(tmp_path, kind: str) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(broken_files()[kind])
    with pytest.raises(UserError) as refusal:
        load_from_local(str(path), None)
    assert_is_one_line(refusal.value, path)


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        load_checkpoint_file(str(tmp_path / "nowhere.pth"))
