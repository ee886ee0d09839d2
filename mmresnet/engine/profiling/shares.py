"""Where the time of the steps in a trace went, by kind of work."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from mmresnet.engine.profiling.kinds import BACKWARD, COMMUNICATION, INPUT, KINDS, PYTHON, Kind
from mmresnet.engine.profiling.trace import Span, Trace

_Times = defaultdict[tuple[Kind, bool], float]  # of a kind, and of these in the backward pass
_PRECEDENCE = {COMMUNICATION: 1, INPUT: 0}  # after all that a GPU computes meanwhile


@dataclass
class Row:
    """What a kind of work took, per step.

    Attributes:
        forward: ms outside of the backward pass.
        backward: ms in it.
        calls: How often it was called.
    """

    kind: Kind
    forward: float
    backward: float
    calls: float

    @property
    def total(self) -> float:
        """The ms of the whole step."""
        return self.forward + self.backward


def rows_of(trace: Trace, several: bool = False) -> list[Row]:
    """Return what each kind of work took, in the order of the table; those that there are.

    The sum of the rows is the time of a step. On a CPU each moment counts as the innermost
    operator at that time of the thread that trains. On a GPU it counts as what the GPU computes;
    if it does nothing, as communication or input if these are waited for, and else as Python.

    Args:
        several: Whether there are several processes. Then the end of the backward pass, after the
            last gradient, is waiting for those of the others.
    """
    times = _device_times(trace) if trace.device else _thread_times(trace, several)
    calls: defaultdict[Kind, int] = defaultdict(int)
    first, last = trace.steps[0].start, trace.steps[-1].end
    for spans in trace.threads.values():
        for span in spans:
            if span.calls and first <= span.start < last:
                calls[span.work] += span.calls
    number = len(trace.steps)
    rows = [
        Row(k, times[k, False] / number / 1e3, times[k, True] / number / 1e3, calls[k] / number)
        for k in KINDS
    ]
    return [row for row in rows if row.total or row.calls]


def _thread_times(trace: Trace, several: bool) -> _Times:
    """Return the µs of each kind, forward and backward, on the thread that trains."""
    times: _Times = defaultdict(float)
    for span in trace.main:
        own = span.end - span.start - span.inside
        if several and span.name == BACKWARD and span.last:
            waiting = span.end - span.last
            times[COMMUNICATION, True] += waiting
            own -= waiting
        times[span.work, span.backward] += own
    return times


def _device_times(trace: Trace) -> _Times:
    """Return the µs of each kind, forward and backward, on the GPU."""
    waiting = [span for span in trace.main if span.kind is INPUT and span.calls]
    start, end = trace.steps[0].start, trace.steps[-1].end
    spans = [*trace.device, *waiting]
    changes = sorted((t, i) for i, span in enumerate(spans) for t in (span.start, span.end))
    times: _Times = defaultdict(float)
    active: dict[int, Span] = {}
    before = start
    for time, number in [*changes, (end, -1)]:
        length = min(time, end) - max(before, start)
        if length > 0:
            times[_of_moment(active)] += length
        before = max(before, time)
        if active.pop(number, None) is None:
            active[number] = spans[number]
    return times


def _of_moment(active: dict[int, Span]) -> tuple[Kind, bool]:
    """Return what a moment counts as in which these are going on."""
    if not active:
        return PYTHON, False
    span = max(active.values(), key=lambda span: _PRECEDENCE.get(span.work, 2))
    return span.work, span.backward
