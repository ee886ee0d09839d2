"""Which process is named when a training hangs, or is slow."""

import pytest

from mmresnet.engine.nodes.judgement import judge, slow
from mmresnet.engine.nodes.position import Beat

TIMES = {"timeout": 45, "patience": 1800}


def beat(rank, at=(6, 3, 0), still=60.0, busy=0.0, waits=False, brisk=True, own=0.0, steps=0):
    stack = ("net.py:5 forward", "run.py:9 train")
    place = f"in iteration {at[0] + 1}"
    return Beat(rank, "host", 100 + rank, at, place, brisk, still, busy, waits, stack, own, steps)


def test_the_one_that_is_behind_is_named_with_where_it_stands():
    beats = [beat(0, waits=True), beat(1, at=(6, 2, 0)), beat(2, waits=True)]
    verdict = judge(beats, {}, **TIMES)
    assert verdict.ranks == (1,)
    assert verdict.text == (
        "Process 1 (on host, pid 101) hangs: nothing has happened for 60 s. It stands in iteration "
        "7: net.py:5 forward < run.py:9 train. The others stand in iteration 7."
    )


def test_of_those_that_are_equally_far_the_one_that_does_not_wait_is_named():
    beats = [beat(0, waits=True), beat(1), beat(2, waits=True)]
    assert judge(beats, {}, **TIMES).ranks == (1,)


def test_if_all_wait_all_are_named():
    verdict = judge([beat(0, waits=True), beat(1, waits=True)], {}, **TIMES)
    assert verdict.text.startswith("All processes have waited for one another for 60 s.")


def test_one_that_is_not_heard_of_is_named_with_where_it_stood():
    beats = [beat(0, waits=True), beat(1, still=2)]
    verdict = judge(beats, {0: 1, 1: 50}, **TIMES)
    assert verdict.ranks == (1,)
    assert "Of process 1 (on host, pid 101) nothing was heard for 50 s. It stood in" in verdict.text


@pytest.mark.parametrize(
    "behind",
    [
        {"still": 40},  # not long enough
        {"busy": 30},  # it computes
        {"brisk": False},  # as where one process computes the metrics
    ],
)
def test_one_that_may_need_as_long_is_not_named_until_patience_ends(behind):
    beats = [beat(0, waits=True), beat(1, at=(6, 2, 0), **behind)]
    assert judge(beats, {}, **TIMES) is None
    later = {**behind, "still": 2000, **({"busy": 1000} if "busy" in behind else {})}
    text = judge([beats[0], beat(1, at=(6, 2, 0), **later)], {}, **TIMES).text
    assert ("hangs" if behind == {"still": 40} else "does not go on") in text


def test_a_slow_one_is_named_if_the_others_wait_for_it():
    before = {rank: beat(rank, own=5.0, steps=10) for rank in range(3)}
    now = [beat(rank, own=5.0 + own, steps=20) for rank, own in enumerate((2.0, 8.0, 2.2))]
    (line,) = slow(before, now)
    assert line.startswith("Process 1 (on host, pid 101) is slow, and the others wait for it: 0.80")
    assert "0.21 s in the others' median" in line
    assert slow(before, [beat(rank, own=6.0 + 0.1 * rank, steps=20) for rank in range(3)]) == []
    assert slow({}, now) == []


@pytest.mark.parametrize(
    ("own", "steps"),
    [
        ((0.4, 1.6, 0.4), 12),  # two steps, of which the time says little
        ((0.1, 0.4, 0.1), 20),  # 0.03 s of a step, which nobody notices
        ((2.0, 2.8, 2.0), 20),  # less than half more
    ],
)
def test_one_that_is_hardly_slower_is_not_named(own, steps):
    before = {rank: beat(rank, own=5.0, steps=10) for rank in range(3)}
    now = [beat(rank, own=5.0 + seconds, steps=steps) for rank, seconds in enumerate(own)]
    assert slow(before, now) == []
