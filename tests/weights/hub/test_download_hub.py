"""Weights of Hugging Face repositories, and the settings beside them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from server import BODY, SHA256, Answer, Server

from mmresnet.errors import UserError
from mmresnet.weights.hub import download


@pytest.fixture
def hub(cache: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``hub(**{"config.json": Answer(…)})`` fills the repository some/net."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)

    def fill(**answers: Answer) -> None:
        for name, answer in answers.items():
            server.answers[f"/some/net/resolve/main/{name}"] = [answer]

    return fill


def test_hub_gives_weights_and_the_settings_beside_them(hub, server, fetch):
    weights = (2).to_bytes(8, "little") + b"{}"
    hub(**{"model.safetensors": Answer(weights), "config.json": Answer(b'{"depth": 50}')})
    path = fetch("hf://some/net")
    assert path.name == "model.safetensors"
    assert path.read_bytes() == weights
    assert {p.name for p in path.parent.glob("[!.]*")} == {"model.safetensors", "config.json"}
    assert download.local_file("hf://some/net") == path
    asked = len(server.seen)
    assert fetch("hf://some/net") == path
    assert len(server.seen) == asked


def test_hub_falls_back_on_the_pickle_and_takes_a_named_file(hub, fetch):
    hub(**{"pytorch_model.bin": Answer(BODY), "old/net.pth": Answer(BODY)})
    assert fetch("hf://some/net").name == "pytorch_model.bin"
    assert fetch("hf://some/net/old/net.pth").read_bytes() == BODY


def test_hub_without_weights(hub, monkeypatch, fetch):
    hub(**{"config.json": Answer(b"{}")})
    with pytest.raises(UserError, match=r"'hf://some/net' has neither model\.safetensors nor"):
        fetch("hf://some/net")
    with pytest.raises(UserError, match=r"no such file \(404"):
        fetch("hf://some/net/absent.pth")
    with pytest.raises(UserError, match="not of the form hf://organization/name"):
        fetch("hf://net")
    hub(**{"config.json": Answer(b"<html>")})
    shutil.rmtree(os.environ["MMRESNET_CACHE"])
    with pytest.raises(UserError, match=r"config\.json .* is no JSON file"):
        fetch("hf://some/net")
    monkeypatch.setenv("MMRESNET_OFFLINE", "1")
    with pytest.raises(UserError, match=r"hf://some/net is not in the cache .*model\.safetensors"):
        fetch("hf://some/net")


@pytest.mark.parametrize("told", [SHA256, "0" * 64])
def test_the_hash_that_the_hub_tells_on_the_way_is_checked(hub, server, told, fetch):
    headers = {"Location": f"{server.url}/storage/1", "X-Linked-Etag": f'"{told}"'}
    hub(**{"pytorch_model.bin": Answer(status=302, headers=headers)})
    server.answers["/storage/1"] = [Answer(BODY, cut=1000), Answer(BODY)]
    if told == SHA256:
        assert fetch("hf://some/net").read_bytes() == BODY
        assert server.ranges("/storage/1") == [None, "bytes=1000-"]
    else:
        with pytest.raises(UserError, match="is not the file that was published"):
            fetch("hf://some/net")
