"""A trace of ``torch.profiler``: what is inside of what, and what kind of work it is."""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmresnet.engine.profiling.kinds import (
    BACKWARD,
    COMMUNICATION,
    ENGINE,
    HEAD,
    LOSS,
    LOSSES,
    OTHER,
    PYTHON,
    REST_OF_HEADS,
    Kind,
    is_operator,
    kind_of,
)

_STEP = "ProfilerStep#"  # by which the profiler calls an iteration
_OF_CPU = ("cpu_op", "user_annotation", "cuda_runtime", "cuda_driver")
_OF_GPU = ("kernel", "gpu_memcpy", "gpu_memset")
_LAUNCHES = ("cuda_runtime", "cuda_driver")


@dataclass(eq=False)
class Span:
    """A stretch of time on a thread, inside of others.

    Attributes:
        start: In µs.
        end: Likewise.
        kind: What it is by its name or by what it is inside of; None if neither tells.
        whole: Whether all inside is of the same kind.
        backward: Whether it belongs to the backward pass.
        head: Whether it belongs to a head.
        calls: 1 if it is a call of its kind, 0 inside of such a call.
        inside: µs of it that are inside of other spans.
        last: When the last of these ended.
    """

    name: str
    start: float
    end: float
    category: str = "cpu_op"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parent: Span | None = None
    kind: Kind | None = None
    whole: bool = False
    backward: bool = False
    head: bool = False
    calls: int = 0
    inside: float = 0.0
    last: float = 0.0

    @property
    def step(self) -> bool:
        """Whether it is an iteration."""
        return self.name.startswith(_STEP)

    @property
    def work(self) -> Kind:
        """The kind of work that its own time is counted as."""
        if self.kind is not None:
            return self.kind
        span: Span | None = self
        while span is not None and span.category in _LAUNCHES:
            span = span.parent
        if span is None or not is_operator(span.name):
            return PYTHON
        return REST_OF_HEADS if self.head else OTHER


@dataclass
class Trace:
    """What a trace has of one process.

    Attributes:
        threads: The spans of each thread of the CPU, by its id, in the order of their start.
        steps: The iterations.
        device: What a GPU did; empty if there is none.
    """

    threads: dict[Any, list[Span]]
    steps: list[Span]
    device: list[Span]

    @property
    def main(self) -> list[Span]:
        """The spans of the thread that trains, within the iterations."""
        thread = next(spans for spans in self.threads.values() if self.steps[0] in spans)
        return [span for span in thread if _root(span).step]


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Return the trace in a file that ``torch.profiler`` has written (``.json.gz``)."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return make_trace(json.load(file)["traceEvents"])


def make_trace(events: Iterable[Mapping[str, Any]]) -> Trace:
    """Return the trace of events in Chrome's format, of which it takes those with a duration."""
    threads: dict[Any, list[Span]] = defaultdict(list)
    device: list[Span] = []
    for event in events:
        category = event.get("cat", "")
        if event.get("ph") != "X" or category not in _OF_CPU + _OF_GPU:
            continue
        start = float(event["ts"])
        end = start + float(event.get("dur", 0.0))
        span = Span(event["name"], start, end, category, event.get("args", {}))
        (device if category in _OF_GPU else threads[event["tid"]]).append(span)
    for spans in threads.values():
        spans.sort(key=lambda span: (span.start, -span.end))
        _nest(spans)
    steps = [span for spans in threads.values() for span in spans if span.step]
    scopes = _scopes_of_nodes(threads.values())
    for spans in threads.values():
        for span in spans:
            _classify(span, scopes)
    _classify_device(device, threads.values())
    return Trace(dict(threads), steps, device)


def _nest(spans: list[Span]) -> None:
    """Find what each span is inside of."""
    stack: list[Span] = []
    for span in spans:
        while stack and stack[-1].end <= span.start:
            stack.pop()
        if stack:
            span.parent = parent = stack[-1]
            parent.inside += span.end - span.start
            parent.last = span.end
        stack.append(span)


def _root(span: Span) -> Span:
    while span.parent is not None:
        span = span.parent
    return span


def _scopes_of_nodes(threads: Iterable[list[Span]]) -> dict[int, str]:
    """Return for nodes of the backward pass whether they are of a loss, or else of a head.

    A node has the number of the operator whose gradient it computes.
    """
    scopes: dict[int, str] = {}
    inside: dict[int, str] = {}  # of a span, by id
    for spans in threads:
        for span in spans:
            scope = "" if span.parent is None else inside[id(span.parent)]
            if span.name in (LOSS, HEAD, BACKWARD) and scope != LOSS:
                scope = span.name
            inside[id(span)] = scope
            number = span.arguments.get("Sequence number", -1)
            if number >= 0 and scope != BACKWARD and not span.name.startswith(ENGINE):
                scopes[number] = scope  # the last operator with a number makes the node
    return scopes


def _classify(span: Span, scopes: Mapping[int, str]) -> None:
    """Tell the kind of a span whose parent's is known."""
    parent = span.parent
    node = span.name.startswith(ENGINE)
    span.backward = node or span.name == BACKWARD
    span.head = span.name == HEAD
    if parent is not None:
        span.backward |= parent.backward
        span.head |= parent.head
        span.kind, span.whole = parent.kind, parent.whole
    if span.whole or span.category in _LAUNCHES:
        return
    scope = scopes.get(span.arguments.get("Sequence number", -1)) if node else None
    own = LOSSES if scope == LOSS else kind_of(span.name)
    span.head |= scope == HEAD
    if own is not None:
        span.calls = int(own is not span.kind)
        span.kind, span.whole = own, own.whole
    elif span.kind is None and is_operator(span.name):
        span.calls = int(parent is None or not is_operator(parent.name))


def _classify_device(device: list[Span], threads: Iterable[list[Span]]) -> None:
    """Let what a GPU did be of the kind of what launched it."""
    launches = {
        span.arguments["correlation"]: span
        for spans in threads
        for span in spans
        if span.category in _LAUNCHES and "correlation" in span.arguments
    }
    for span in device:
        launch = launches.get(span.arguments.get("correlation"))
        span.kind = OTHER if launch is None else launch.work
        span.backward = launch is not None and launch.backward
        if "nccl" in span.name:
            span.kind = COMMUNICATION
