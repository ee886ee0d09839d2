"""Downloads against a real server: whole, wrong, absent, forbidden, doubled."""

import errno
import shutil
import sys
import threading
from pathlib import Path

import pytest
from server import BODY, NAME, Answer, serving

from mmresnet.errors import UserError
from mmresnet.weights.hub import addresses, download


def test_a_file_is_fetched_once(get, server, cache, left):
    path = get(Answer(BODY))
    assert path == cache / NAME
    assert path.read_bytes() == BODY
    assert get(Answer(BODY)) == path
    assert len(server.seen) == 1
    assert left() == {NAME}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Answer(BODY[:-1] + b"!"),
            r"is not the file that was published: SHA-256 \w{8}… instead of",
        ),
        (Answer(b"<!DOCTYPE html><title>Sign in</title>"), "is a web page titled 'Sign in'"),
        (Answer(b""), "is empty"),
        (Answer(status=404), r"there is no such file \(404 Not Found\)"),
        (Answer(status=403), r"permission is needed \(403"),
        (Answer(status=503), r"\(503 Service Unavailable\), 4 times in a row"),
        (Answer(BODY, stall=0), r"no answer within 0\.2 s, 4 times in a row"),
        (Answer(status=302, headers={"Location": "ftp://127.0.0.1/x"}), "could not be fetched"),
    ],
    ids=["hash", "web page", "empty", "404", "403", "503", "stalled", "redirected"],
)
def test_what_cannot_be_had_is_a_sentence_and_leaves_nothing(
    get, server, cache, answer, said, left
):
    with pytest.raises(UserError, match=said) as raised:
        get(answer, timeout=20.0 if answer.stall is None else 0.2)
    sentence = str(raised.value)
    assert f"{server.url}/{NAME}" in sentence
    assert f"fetch it by hand to {cache / NAME}" in sentence
    assert NAME not in left()
    if answer.stall != 0:  # then the start of it may be of use
        assert left() == set()


def test_hosts_that_are_not_there(fetch):
    with pytest.raises(UserError, match=r"no address is known for the host nowhere\.invalid"):
        fetch("http://nowhere.invalid/net.pth")
    with serving() as gone:
        pass
    with pytest.raises(UserError, match="cannot be reached"):
        fetch(f"{gone.url}/net.pth")
    with pytest.raises(UserError, match="is no address"):
        fetch("http://[bad/net.pth")
    with pytest.raises(UserError, match=r"ends in no file's name"):
        fetch("http://127.0.0.1/")


def test_a_full_disk(get, cache, monkeypatch, left):
    usage = shutil.disk_usage(cache.parent)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(UserError, match=r"disk of .* is full \(it needs 1\.0 MB and finds 1"):
            get(Answer(BODY))
    assert left() == set()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(download.Progress, "show", full)  # called after each block is written
        with pytest.raises(UserError, match=r"is full .*MMRESNET_CACHE names another"):
            get(Answer(BODY))
    assert NAME not in left()
    assert get(Answer(BODY)).read_bytes() == BODY


def test_a_cache_that_cannot_be_written(get, cache):
    cache.write_text("a file, no folder")
    with pytest.raises(UserError, match="set MMRESNET_CACHE to a folder that can be written"):
        get(Answer(BODY))


def test_a_file_put_by_hand_is_held_against_its_name(get, server, cache):
    cache.mkdir()
    (cache / NAME).write_bytes(b"something else")
    with pytest.raises(UserError, match=r"is not the one that its name stands for.*Delete it"):
        get(Answer(BODY))
    assert server.seen == []


def test_offline(get, server, cache, monkeypatch, fetch):
    monkeypatch.setenv("MMRESNET_OFFLINE", "1")
    with pytest.raises(UserError, match="MMRESNET_OFFLINE is set") as raised:
        get(Answer(BODY))
    assert f"fetch {server.url}/{NAME} on another machine" in str(raised.value)
    assert str(cache / NAME) in str(raised.value)
    with pytest.raises(UserError, match=r"models/resnet50-0676ba61\.pth .*put it at .*cache"):
        fetch("torchvision://resnet50")
    cache.mkdir()
    (cache / NAME).write_bytes(BODY)
    assert get(Answer(BODY)) == cache / NAME
    assert server.seen == []


def test_mirror(server, monkeypatch, fetch):
    monkeypatch.setenv(
        "MMRESNET_MIRROR",
        f"https://other.example=http://127.0.0.1:1,https://download.pytorch.org={server.url}/torch",
    )
    path = "/torch/models/resnet50-0676ba61.pth"
    with pytest.raises(UserError) as raised:
        fetch("torchvision://resnet50")
    assert "https://download.pytorch.org/models/resnet50-0676ba61.pth" in str(raised.value)
    assert f"(asked at {server.url}{path})" in str(raised.value)
    server.answers[path] = [Answer(BODY)]
    with pytest.raises(UserError, match=r"instead of 0676ba61…"):  # the catalogue's hash
        fetch("torchvision://resnet50")
    assert [asked for asked, _ in server.seen] == [path, path]
    monkeypatch.setenv("MMRESNET_MIRROR", "mirror.example")
    with pytest.raises(
        UserError, match=r"MMRESNET_MIRROR holds 'mirror\.example', and takes pairs"
    ):
        fetch("torchvision://resnet50")


def test_an_unknown_name(fetch):
    with pytest.raises(
        UserError, match=r"Did you mean 'torchvision://resnet50'\?.*weights\.py list"
    ):
        fetch("torchvision://resnet5O0")


def test_of_two_processes_one_fetches(server, cache, start):
    gate = threading.Event()
    server.answers[f"/{NAME}"] = [Answer(BODY, gate=gate)]
    first, second = start(f"{server.url}/{NAME}"), start(f"{server.url}/{NAME}")
    waiting = [process.stderr.readline() for process in (first, second)]
    gate.set()
    told = [process.communicate() for process in (first, second)]
    assert [out.strip() for out, _ in told] == [str(cache / NAME)] * 2
    assert sorted("another process" in line for line in waiting) == [False, True]
    assert len(server.seen) == 1


def test_where_files_lie(cache, monkeypatch):
    place = addresses.place
    assert place("https://a.example/x/net-0123abcd.pth") == cache / "net-0123abcd.pth"
    assert place("https://a.example/x/R-50.pkl") == cache / "a.example" / "x" / "R-50.pkl"
    assert place("https://a.example/../../R-50.pkl") == cache / "a.example" / "R-50.pkl"
    assert place("https://a.example/n.pth?v=1") != place("https://a.example/n.pth?v=2")
    assert addresses.hash_in_name("model-20210320.pth") == ""
    assert addresses.hash_in_name("resnet50_20210320-b3964210.pth") == "b3964210"
    assert addresses.hash_in_name("net-0123abcd.pth.tar") == "0123abcd"
    monkeypatch.delenv("MMRESNET_CACHE")
    import torch

    monkeypatch.setenv("TORCH_HOME", str(cache))
    assert addresses.cache_folder() == Path(torch.hub.get_dir()) / "checkpoints"
    monkeypatch.setitem(sys.modules, "torch", None)
    assert addresses.cache_folder() == cache / "hub" / "checkpoints"
