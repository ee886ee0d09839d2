"""How the first process judges by the beats of another one, which a test writes."""

import json
import time

import pytest

from mmresnet.engine.nodes import heartbeats as module
from mmresnet.engine.nodes.heartbeats import Heartbeats
from mmresnet.engine.nodes.position import Position


@pytest.fixture
def first(tmp_path, monkeypatch):
    """``first(timeout)`` returns the Heartbeats of the first of two, and its ``said``."""
    monkeypatch.setattr(module, "get_dist_info", lambda: (0, 2))
    position = Position(0)

    def make(timeout):
        made = Heartbeats(position, tmp_path, timeout, 1800, lambda line: made.said.append(line))
        made.said = []

        def end(text, tell=True):
            made.said.append(text)
            made._stop.set()

        monkeypatch.setattr(made, "_end", end)
        return made

    return make


def beat(heartbeats, own=0.0, steps=0):
    """Send beats of both processes; that of the second one is as the arguments say."""
    heartbeats._position.own, heartbeats._position.steps = 0.1 * steps, steps
    heartbeats._beat()
    other = Position(1)
    other.own, other.steps = own, steps
    heartbeats._store.set("beat/1", json.dumps(other.beat()))


def test_beats_come_often_enough(first):
    assert first(45)._interval == 5
    assert first(8)._interval == 2


def test_one_whose_beat_stays_the_same_is_silent(first):
    heartbeats = first(0.5)
    beat(heartbeats)
    heartbeats._judge()
    assert heartbeats.said == []
    for _ in range(2):
        time.sleep(0.4)
        heartbeats._position.enter((0, 2, 0), "in iteration 1")
        heartbeats._beat()
        heartbeats._judge()
    (line,) = heartbeats.said
    assert line.startswith("Of process 1 (on ") and "nothing was heard for" in line


def test_nothing_is_judged_before_all_are_heard(first, monkeypatch):
    monkeypatch.setattr(module, "_COMPARED", 0)
    heartbeats = first(45)
    heartbeats._beat()
    heartbeats._judge()
    assert heartbeats._compared[1] == {}


def test_speeds_are_compared_with_those_of_the_time_before(first, monkeypatch):
    heartbeats = first(45)
    beat(heartbeats, own=9.0, steps=10)
    heartbeats._judge()  # too early to compare
    monkeypatch.setattr(module, "_COMPARED", 0)
    heartbeats._judge()
    beat(heartbeats, own=17.0, steps=20)
    heartbeats._judge()
    (line,) = heartbeats.said
    assert line.startswith("Process 1 (on ")
    assert "is slow, and the others wait for it: 0.80 s of its own per step" in line
    heartbeats._judge()  # no step since
    assert len(heartbeats.said) == 1


def test_the_first_process_that_does_not_answer_is_named(first):
    heartbeats = first(0.1)
    heartbeats._answered -= 7
    heartbeats._listen()
    (line,) = heartbeats.said
    assert line == "The first process has not been reached for 7 s."
