"""Weights of Hugging Face repositories, and the settings beside them."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
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


@pytest.fixture
def storage(hub: Callable[..., None]) -> Iterator[Callable[..., Server]]:
    """``storage(sha256, Answer(…), …)`` has the file pytorch_model.bin, on another host."""

    def redirect(sha256: str, *answers: Answer) -> Server:
        location = f"http://localhost:{server.server_port}/1"
        headers = {"Location": location, "X-Linked-Etag": f'"{sha256}"', "X-Repo-Commit": "1" * 40}
        hub(**{"pytorch_model.bin": Answer(status=302, headers=headers)})
        server.answers["/1"] = list(answers)
        return server

    with serving() as server:
        yield redirect


def test_the_hash_that_the_hub_states_is_checked(storage, fetch):
    storage("0" * 64, Answer(BODY))
    with pytest.raises(UserError, match="is not the published one"):
        fetch("hf://some/net")
    storage(SHA256, Answer(BODY))
    assert fetch("hf://some/net").read_bytes() == BODY


def test_a_large_file_of_the_hub_is_resumed(storage, fetch):
    """The storage has an ETag of its own."""
    server = storage(
        hashlib.sha256(LARGE).hexdigest(), Answer(LARGE, cut=15_000_000), Answer(LARGE)
    )
    assert fetch("hf://some/net").read_bytes() == LARGE
    assert server.ranges("/1") == [None, f"bytes={10 << 20}-"]
    assert "If-Range" not in server.seen[-1][1]


def test_an_etag_of_another_server_is_not_taken_for_a_hash(get):
    """GitHub's look alike."""
    assert get(Answer(BODY, etag=f'"{"0" * 64}"'), name="net.pth").read_bytes() == BODY
