"""What a process says of itself: times, whether it waits, and its stack."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from mmresnet.engine.nodes import position as module
from mmresnet.engine.nodes.position import Position, from_json


def test_a_beat_is_read_as_it_was_sent():
    position = Position(3)
    position.enter((6, 2, 0), "in iteration 7", brisk=False)
    position.own, position.steps = 1.5, 7
    beat = position.beat()
    assert (beat.rank, beat.at, beat.place) == (3, (6, 2, 0), "in iteration 7")
    assert not beat.brisk and not beat.waits
    assert from_json(json.loads(json.dumps(beat))) == beat


def test_times_are_those_since_the_last_event():
    position = Position(0)
    position.enter((0, 2, 0), "in iteration 1")
    time.sleep(0.2)
    slept = position.beat()
    assert 0.2 <= slept.still < 10
    assert 0 <= slept.busy < min(1, slept.still)
    while position.beat().busy < slept.busy + 0.1:
        sum(range(1000))
    position.enter((0, 3, 0), "in iteration 1")
    assert position.beat().busy < slept.busy + 0.1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux")
def test_queueing_for_a_processor_is_work():
    before = time.process_time()
    queued = int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    assert module._worked() >= before + queued


@pytest.mark.parametrize(
    ("file", "waits"),
    [
        (("torch", "distributed", "c10d.py"), True),
        (("mmresnet", "engine", "checkpoints", "interrupts.py"), True),
        (("torch", "nn", "linear.py"), False),
    ],
)
def test_a_process_waits_where_the_innermost_functions_do(file, waits):
    code = compile("def call(function):\n    return function()", os.sep.join(["", *file]), "exec")
    exec(code, names := {})
    beat = names["call"](Position(0).beat)
    assert beat.waits is waits
    assert len(beat.stack) == 6
    assert beat.stack[2] == f"{'/'.join(file[-2:])}:2 call"
