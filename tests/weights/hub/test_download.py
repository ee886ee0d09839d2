"""Downloads from a real server: correct, wrong, absent, forbidden, twice at once."""

import hashlib
import sys
import threading
from pathlib import Path

import pytest
from server import BODY, NAME, SHA256, Answer, serving

from mmresnet.errors import UserError
from mmresnet.weights.hub import addresses


def test_a_file_is_fetched_once(get, server, cache, left):
    path = get(Answer(BODY))
    assert path == cache / NAME
    assert path.read_bytes() == BODY
    assert get(Answer(BODY)) == path
    assert len(server.seen) == 1
    assert left() == {NAME}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            Answer(BODY[:-1] + b"!"),
            r"is not the published one: its SHA-256 is \w{8}… instead of",
        ),
        (Answer(b"<!DOCTYPE html><title>Sign in</title>"), "is a web page titled 'Sign in'"),
        (Answer(b""), "is empty"),
        (Answer(status=404), r"the server answers 404 Not Found"),
        (Answer("我们".encode("gbk"), status=404), r"the server answers 404 Not Found"),
        (Answer(status=403), r"the server answers 403 Forbidden"),
        (Answer(status=503), r"the server answers 503 Service Unavailable"),
        (Answer(BODY, stall=0), r"the request failed \(.*timed out"),
        (Answer(status=302, headers={"Location": "ftp://127.0.0.1/x"}), "could not be downloaded"),
    ],
    ids=[
        "hash",
        "web page",
        "empty",
        "404",
        "404 in Chinese",
        "403",
        "503",
        "stalled",
        "redirected",
    ],
)
def test_a_failure_is_an_error_message_and_leaves_nothing(
    get, server, cache, answer, message, left, monkeypatch
):
    if answer.stall is not None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    with pytest.raises(UserError, match=message) as raised:
        get(answer)
    assert f"{server.url}/{NAME}" in str(raised.value)
    assert f"download it manually to {cache / NAME}" in str(raised.value)
    assert left() == set()


def test_hosts_that_do_not_exist(fetch):
    with pytest.raises(UserError, match=r"nowhere\.invalid/net\.pth could .*Errno -\d+\] .+\. Or"):
        fetch("http://nowhere.invalid/net.pth")
    with serving() as gone:
        pass
    with pytest.raises(UserError, match="Connection refused"):
        fetch(f"{gone.url}/net.pth")
    with pytest.raises(UserError, match="is not a valid address"):
        fetch("http://[bad/net.pth")
    with pytest.raises(UserError, match=r"names no file"):
        fetch("http://127.0.0.1/")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_a_full_disk(get, cache, left):
    cache.mkdir()
    version = hashlib.sha256(SHA256[:8].encode()).hexdigest()[:8]
    part = cache / f"{NAME}.{version}.part"
    part.symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"No space left.*: set MMRESNET_CACHE to another"):
        get(Answer(BODY))
    assert NAME not in left()
    part.unlink(missing_ok=True)
    assert get(Answer(BODY)).read_bytes() == BODY


def test_a_cache_that_cannot_be_written(get, cache):
    cache.write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"cannot be written .*: set MMRESNET_CACHE to another"):
        get(Answer(BODY))


@pytest.mark.parametrize(
    ("content", "message"),
    [(BODY + b"!", "is not the published one"), (b"<html>", "is a web page")],
)
def test_a_file_in_the_cache_is_verified(get, server, cache, content, message):
    cache.mkdir()
    (cache / NAME).write_bytes(content)
    with pytest.raises(UserError, match=f"{message}.* Delete it to download it again"):
        get(Answer(BODY))
    assert server.seen == server.heads == []


def test_offline(get, server, cache, monkeypatch, fetch):
    monkeypatch.setenv("MMRESNET_OFFLINE", "1")
    with pytest.raises(UserError, match="MMRESNET_OFFLINE is set") as raised:
        get(Answer(BODY))
    assert f"download {server.url}/{NAME} on another machine" in str(raised.value)
    assert str(cache / NAME) in str(raised.value)
    with pytest.raises(UserError, match=r"cache/resnet50-0676ba61\.pth .*models/resnet50-0676ba61"):
        fetch("torchvision://resnet50")
    cache.mkdir()
    (cache / NAME).write_bytes(BODY)
    assert get(Answer(BODY)) == cache / NAME
    assert server.seen == server.heads == []


def test_mirror(server, monkeypatch, fetch):
    monkeypatch.setenv(
        "MMRESNET_MIRROR",
        f"https://other.example=http://127.0.0.1:1,https://download.pytorch.org={server.url}/torch",
    )
    path = "/torch/models/resnet50-0676ba61.pth"
    with pytest.raises(UserError) as raised:
        fetch("torchvision://resnet50")
    assert "https://download.pytorch.org/models/resnet50-0676ba61.pth" in str(raised.value)
    assert f"(from {server.url}{path})" in str(raised.value)
    server.answers[path] = [Answer(BODY)]
    with pytest.raises(UserError, match=r"instead of 0676ba61…"):  # the catalogue's hash
        fetch("torchvision://resnet50")
    assert {asked for asked, _ in server.seen} == {path}
    monkeypatch.setenv("MMRESNET_MIRROR", "http://a=http://b http://a/c/=http://d/")
    assert addresses.mirrored("http://a/c/net.pth") == "http://d/net.pth"
    assert addresses.mirrored("http://a/cc/net.pth") == "http://b/cc/net.pth"
    monkeypatch.setenv("MMRESNET_MIRROR", "mirror.example")
    with pytest.raises(
        UserError, match=r"MMRESNET_MIRROR contains 'mirror\.example', but takes pairs"
    ):
        fetch("torchvision://resnet50")


def test_an_unknown_name(fetch):
    with pytest.raises(
        UserError, match=r"Did you mean 'torchvision://resnet50'\?.*mmresnet weights list"
    ):
        fetch("torchvision://resnet5O0")


@pytest.mark.dist
def test_of_two_processes_one_fetches(server, cache, start):
    gate = threading.Event()
    server.answers[f"/{NAME}"] = [Answer(BODY, gate=gate)]
    first, second = start(f"{server.url}/{NAME}"), start(f"{server.url}/{NAME}")
    waiting = [process.stderr.readline() for process in (first, second)]
    gate.set()
    printed = [process.communicate() for process in (first, second)]
    assert [out.strip() for out, _ in printed] == [str(cache / NAME)] * 2
    assert sorted("another process" in line for line in waiting) == [False, True]
    assert len(server.seen) == 1


def test_paths_in_the_cache(cache, monkeypatch):
    path = addresses.cache_path
    assert path("https://a.example/x/net-0123abcd.pth") == cache / "net-0123abcd.pth"
    assert path("https://a.example/x/R-50.pkl") == cache / "a.example" / "x" / "R-50.pkl"
    assert path("https://a.example/../../R-50.pkl") == cache / "a.example" / "R-50.pkl"
    assert path("https://a.example/n.pth?v=1") != path("https://a.example/n.pth?v=2")
    assert addresses.hash_in_name("model-20210320.pth") == ""
    assert addresses.hash_in_name("resnet50_20210320-b3964210.pth") == "b3964210"
    assert addresses.hash_in_name("net-0123abcd.pth.tar") == "0123abcd"
    monkeypatch.delenv("MMRESNET_CACHE")
    import torch

    monkeypatch.setenv("TORCH_HOME", str(cache))
    assert addresses.cache_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    assert cache in addresses.cache_folder().parents
    monkeypatch.setitem(sys.modules, "torch", None)
    assert addresses.cache_folder() == cache / "hub" / "checkpoints"
