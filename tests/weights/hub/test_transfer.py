"""Downloads that are cut, stalled, redirected and killed; huggingface_hub resumes them."""

import inspect
import signal
import time
from types import SimpleNamespace

import pytest
from huggingface_hub.file_download import http_get
from server import BODY, LARGE, LARGE_NAME, Answer, serving

from mmresnet.errors import UserError
from mmresnet.weights.hub import transfer

PIECE = 10 << 20  # bytes that http_get writes at a time
OLD = b"PK\x03\x04" + b"old" * (len(LARGE) // 3)  # another file of about that size
sleep = time.sleep  # the fixtures replace it


@pytest.fixture
def get_large(get):
    """Like ``get``, for a file that is resumed."""
    return lambda *answers, name=LARGE_NAME: get(*answers, name=name)


def test_http_get_takes_the_arguments_that_it_is_given():
    """It is not in huggingface_hub's documentation."""
    inspect.signature(http_get).bind("url", None, resume_size=1, headers={})


@pytest.mark.parametrize("cuts", [(15_000_000,), (15_000_000, 11_000_000), (0, 100, 1)])
def test_a_cut_connection_is_resumed(get_large, server, cuts, left):
    path = get_large(*(Answer(LARGE, cut=cut) for cut in cuts), Answer(LARGE))
    assert path.read_bytes() == LARGE
    have, expected = 0, [None]
    for cut in cuts:
        have += cut // PIECE * PIECE
        expected.append(f"bytes={have}-" if have else None)
    assert server.ranges(f"/{LARGE_NAME}") == expected
    assert left() == {LARGE_NAME}


def test_retries_are_counted_again_after_progress(get_large, server, monkeypatch):
    monkeypatch.setattr(transfer, "_RETRIES", 1)
    path = get_large(*(Answer(LARGE, cut=cut) for cut in (15_000_000, 11_000_000)), Answer(LARGE))
    assert path.read_bytes() == LARGE


def test_any_error_after_progress_is_retried(get, monkeypatch):
    """Such as httpx's for a cut connection, which some versions of http_get let pass."""

    def fail_at_first(url, file, resume_size, **arguments):
        if not resume_size:
            file.write(BODY[:1000])
            raise RuntimeError("unknown")
        http_get(url, file, resume_size=resume_size, **arguments)

    monkeypatch.setattr("huggingface_hub.file_download.http_get", fail_at_first)
    assert get(Answer(BODY)).read_bytes() == BODY


def test_a_later_call_resumes_what_an_earlier_one_left(get_large, server, left):
    with pytest.raises(UserError, match=r"the request failed \(.*\)\. Or download it manually"):
        get_large(Answer(LARGE, cut=15_000_000), Answer(LARGE, cut=0))
    (part,) = left()
    assert part.endswith(".part")
    assert get_large(Answer(LARGE)).read_bytes() == LARGE
    assert server.ranges(f"/{LARGE_NAME}")[-1] == f"bytes={PIECE}-"
    assert left() == {LARGE_NAME}


@pytest.mark.parametrize(
    "then",
    [
        Answer(LARGE, ranges=False),
        Answer(LARGE, etag='"second"'),
        Answer(LARGE[:100_000] + LARGE, etag='"second"', ranges=False),
    ],
    ids=["no ranges", "another file", "another file and no ranges"],
)
def test_it_starts_over_where_the_server_cannot_resume(get_large, server, then):
    path = get_large(Answer(OLD, cut=15_000_000), then, name="net.pth")
    assert path.read_bytes() == then.body
    assert f"bytes={PIECE}-" in server.ranges("/net.pth")


def test_a_part_of_another_version_is_not_resumed(get_large, server, left):
    """Not even if the server would do so."""
    with pytest.raises(UserError):
        get_large(Answer(OLD, cut=15_000_000), Answer(OLD, cut=0), name="net.pth")
    second = Answer(LARGE, etag='"second"', careless=True)
    assert get_large(second, name="net.pth").read_bytes() == LARGE
    assert server.ranges("/net.pth")[-1] is None
    assert left() == {"net.pth"}


def test_without_a_hash_or_an_etag_a_later_call_starts_over(get_large, server):
    with pytest.raises(UserError):
        get_large(Answer(LARGE, cut=15_000_000, etag=""), Answer(status=404), name="net.pth")
    assert get_large(Answer(LARGE, etag=""), name="net.pth").read_bytes() == LARGE
    assert server.ranges("/net.pth")[-1] is None


def test_a_file_of_parts_that_do_not_belong_together_is_downloaded_again(get_large, server):
    mixed = Answer(OLD[:PIECE] + LARGE[PIECE:], cut=15_000_000)
    assert get_large(mixed, Answer(LARGE)).read_bytes() == LARGE
    assert server.ranges(f"/{LARGE_NAME}") == [None, f"bytes={PIECE}-", None]


def test_a_part_longer_than_the_file_is_discarded(get_large, server, cache):
    with pytest.raises(UserError):
        get_large(Answer(LARGE, cut=15_000_000), Answer(LARGE, cut=0))
    (part,) = cache.glob("*.part")
    part.write_bytes(LARGE * 2)
    assert get_large(Answer(status=416), Answer(LARGE)).read_bytes() == LARGE


def test_a_busy_server_is_asked_again(get, capsys):
    busy = Answer(status=425, headers={"Retry-After": "0"})
    assert get(busy, busy, Answer(BODY)).read_bytes() == BODY
    printed = capsys.readouterr().err
    assert "the server answers 425 Too Early; trying again in 0 s (2 of 5)" in printed


def test_a_busy_server_may_ask_for_a_pause(get, monkeypatch):
    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)
    busy = [Answer(status=425, headers={"Retry-After": seconds}) for seconds in ("7", "900", "x")]
    assert get(*busy, Answer(BODY)).read_bytes() == BODY
    assert pauses == [7.0, 60.0, 8.0]


def test_a_server_that_refuses_head(get):
    assert get(Answer(BODY, head=405)).read_bytes() == BODY


def test_a_stalled_connection_is_closed_and_resumed(get_large, server, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 1.0)
    path = get_large(Answer(LARGE, stall=15_000_000), Answer(LARGE))
    assert path.read_bytes() == LARGE
    assert server.ranges(f"/{LARGE_NAME}") == [None, f"bytes={PIECE}-"]


def test_a_redirect_from_https_to_http_is_refused(get, server, monkeypatch, fetch):
    def metadata(url: str, token: bool) -> SimpleNamespace:
        return SimpleNamespace(etag=None, commit_hash=None, location=url.replace("https", "http"))

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", metadata)
    with pytest.raises(UserError, match=r"redirect from https to http://a\.example/.*not safe"):
        fetch("https://a.example/net.pth")
    with pytest.raises(transfer.TransferError):
        transfer.read_headers("https://a.example/net.pth")
    assert get(Answer(BODY)).read_bytes() == BODY  # plain http stays allowed


def test_redirects_are_followed(get, server, fetch):
    with serving() as storage:
        storage.answers["/1"] = [Answer(BODY)]
        moved = Answer(status=302, headers={"Location": f"{storage.url}/1"})
        assert get(moved).read_bytes() == BODY


def test_no_token_is_sent(get, server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    get(Answer(BODY))
    assert len(server.heads + server.seen) == 2
    assert not any("authorization" in map(str.lower, h) for _, h in server.heads + server.seen)


def test_a_killed_process_leaves_what_the_next_one_resumes(server, cache, fetch, start):
    server.answers[f"/{LARGE_NAME}"] = [Answer(LARGE, stall=15_000_000), Answer(LARGE)]
    process = start(f"{server.url}/{LARGE_NAME}")
    until = time.monotonic() + 30
    while not any(p.stat().st_size >= PIECE for p in cache.glob("*.part")):
        assert time.monotonic() < until
        sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (cache / LARGE_NAME).exists()
    assert fetch(f"{server.url}/{LARGE_NAME}").read_bytes() == LARGE
    assert server.ranges(f"/{LARGE_NAME}") == [None, f"bytes={PIECE}-"]


def test_progress_with_the_time_left(get_large, capsys, monkeypatch):
    monkeypatch.setenv("TQDM_POSITION", "-1")  # shown even if it is not a terminal
    get_large(Answer(LARGE))
    shown = capsys.readouterr().err
    assert f"{LARGE_NAME}: downloading http" in shown
    assert f"{LARGE_NAME}: 100%" in shown
    assert "25.2M/25.2M [00:00<00:00" in shown
