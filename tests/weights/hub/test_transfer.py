"""What comes over connections that are cut, stalled, refused and killed."""

import json
import signal
import time
import urllib.request

import pytest
from server import BODY, NAME, Answer

from mmresnet.errors import UserError
from mmresnet.weights.hub import remote


@pytest.mark.parametrize("cuts", [(300_000,), (300_000, 500_000), (0, 100, 1)])
def test_a_cut_connection_is_taken_up_where_it_ended(get, server, cuts, left):
    path = get(*(Answer(BODY, cut=cut) for cut in cuts), Answer(BODY))
    assert path.read_bytes() == BODY
    have, expected = 0, [None]
    for cut in cuts:
        have += cut
        expected.append(f"bytes={have}-" if have else None)
    assert server.ranges(f"/{NAME}") == expected
    assert server.seen[-1][1]["If-Range"] == '"first"'
    assert left() == {NAME}


def test_a_later_call_takes_up_what_an_earlier_one_left(get, server, left):
    with pytest.raises(UserError, match=r"cut after 600\.0 kB of 1\.0 MB, 4 times in a row\. Or"):
        get(Answer(BODY, cut=600_000), Answer(BODY, cut=0))
    assert left() == {f"{NAME}.part", f"{NAME}.part.json"}
    assert get(Answer(BODY)).read_bytes() == BODY
    assert server.ranges(f"/{NAME}")[-1] == "bytes=600000-"
    assert left() == {NAME}


@pytest.mark.parametrize(
    "then",
    [
        Answer(BODY, ranges=False),
        Answer(BODY, etag='"second"'),
        Answer(BODY[:100_000] + BODY, etag='"second"', careless=True),
    ],
    ids=["no ranges", "another file", "another file, served carelessly"],
)
def test_it_starts_over_where_the_server_cannot_go_on(get, server, then):
    other = b"PK\x03\x04" + b"old" * 200_000
    path = get(Answer(other, cut=400_000), then, name="net.pth")
    assert path.read_bytes() == then.body
    assert "bytes=400000-" in server.ranges("/net.pth")


def test_without_a_mark_of_its_content_a_file_is_fetched_from_the_start(get, server):
    assert get(Answer(BODY, cut=1000, etag=""), Answer(BODY, etag="")).read_bytes() == BODY
    assert server.ranges(f"/{NAME}") == [None, None]


def test_pieces_of_two_files_under_one_mark_are_thrown_away(get, server):
    other = b"PK\x03\x04" + b"old" * 200_000
    path = get(Answer(other + BODY[len(other) :], cut=400_000), Answer(BODY), Answer(BODY))
    assert path.read_bytes() == BODY
    assert server.ranges(f"/{NAME}") == [None, "bytes=400000-", None]


def test_more_bytes_than_the_server_has_are_thrown_away(get, server, cache):
    cache.mkdir()
    (cache / f"{NAME}.part").write_bytes(BODY * 2)
    notes = remote.Remote(f"{server.url}/{NAME}", '"first"', len(BODY) * 3)
    (cache / f"{NAME}.part.json").write_text(json.dumps(vars(notes)))
    refused = Answer(status=416)
    assert get(refused, Answer(BODY)).read_bytes() == BODY


def test_a_server_that_is_busy_is_asked_again(get, capsys):
    busy = Answer(status=503, headers={"Retry-After": "0"})
    assert get(busy, busy, Answer(BODY)).read_bytes() == BODY
    assert "(503 Service Unavailable); trying again in 0 s (2 of 3)" in capsys.readouterr().err


def test_a_stalled_answer_is_given_up_and_taken_up(get, server):
    assert get(Answer(BODY, stall=700_000), Answer(BODY), timeout=1.0).read_bytes() == BODY
    assert server.ranges(f"/{NAME}") == [None, "bytes=700000-"]


def test_no_way_leads_from_https_to_http():
    request = urllib.request.Request("https://a.example/net.pth")
    redirects = remote.Redirects()
    with pytest.raises(remote.TransferError, match=r"from https to http://a\.example"):
        redirects.redirect_request(request, None, 302, "", {}, "http://a.example/net.pth")
    onward = redirects.redirect_request(request, None, 302, "", {}, "https://b.example/net.pth")
    assert onward.full_url == "https://b.example/net.pth"


def test_a_killed_process_leaves_what_the_next_takes_up(server, cache, fetch, start):
    server.answers[f"/{NAME}"] = [Answer(BODY, stall=800_000), Answer(BODY)]
    process = start(f"{server.url}/{NAME}")
    part = cache / f"{NAME}.part"
    until = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 700_000) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    have = part.stat().st_size
    assert not (cache / NAME).exists()
    assert fetch(f"{server.url}/{NAME}").read_bytes() == BODY
    assert server.ranges(f"/{NAME}") == [None, f"bytes={have}-"]


def test_a_process_killed_before_the_check_needs_no_second_download(get, server, cache):
    with pytest.raises(UserError):
        get(Answer(BODY, cut=len(BODY) - 1), Answer(BODY, cut=0))
    (cache / f"{NAME}.part").write_bytes(BODY)
    asked = len(server.seen)
    assert get(Answer(status=404)).read_bytes() == BODY
    assert len(server.seen) == asked
