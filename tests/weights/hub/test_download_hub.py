"""Weights of Hugging Face repositories, and the settings beside them."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from server import BODY, LARGE, SHA256, Answer, Server, serving

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
    with pytest.raises(UserError, match="answers 404 Not Found"):
        fetch("hf://some/net/absent.pth")
    with pytest.raises(UserError, match="not of the form hf://organization/name"):
        fetch("hf://net")
    hub(**{"config.json": Answer(b"<html>")})
    shutil.rmtree(os.environ["MMRESNET_CACHE"])
    with pytest.raises(UserError, match=r"config\.json .* is not a JSON file"):
        fetch("hf://some/net")
    monkeypatch.setenv("MMRESNET_OFFLINE", "1")
    with pytest.raises(UserError, match=r"some/net/.*/model\.safetensors does not exist: download"):
        fetch("hf://some/net")


@pytest.mark.parametrize("stated", [SHA256, "0" * 64])
def test_the_hash_that_the_hub_states_is_checked(hub, server, stated, fetch):
    with serving() as storage:
        headers = {
            "Location": f"http://localhost:{storage.server_port}/1",
            "X-Linked-Etag": f'"{stated}"',
        }
        hub(**{"pytorch_model.bin": Answer(status=302, headers=headers)})
        storage.answers["/1"] = [Answer(BODY)]
        if stated == SHA256:
            assert fetch("hf://some/net").read_bytes() == BODY
        else:
            with pytest.raises(UserError, match="is not the published one"):
                fetch("hf://some/net")


def test_a_large_file_of_the_hub_is_resumed(hub, server, fetch):
    """The storage has an ETag of its own."""
    with serving() as storage:
        sha256 = hashlib.sha256(LARGE).hexdigest()
        headers = {
            "Location": f"http://localhost:{storage.server_port}/1",
            "X-Linked-Etag": f'"{sha256}"',
        }
        hub(**{"pytorch_model.bin": Answer(status=302, headers=headers)})
        storage.answers["/1"] = [Answer(LARGE, cut=15_000_000), Answer(LARGE)]
        assert fetch("hf://some/net").read_bytes() == LARGE
        assert storage.ranges("/1") == [None, f"bytes={10 << 20}-"]
