"""Which process of a training hangs, or is slower than the others, by what all say."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mmresnet.engine.nodes.position import Beat

_IDLE = 0.2  # of a processor: what a process that hangs uses at most, with all of its threads
_SLOW = 1.5  # times the median of the others
_FEW = 3  # steps, of which the time says little
_NOTICEABLE = 0.05  # s of a step


class Verdict(NamedTuple):
    """Why a training is ended."""

    text: str
    ranks: tuple[int, ...]


def judge(
    beats: Sequence[Beat], silent: Mapping[int, float], timeout: float, patience: float
) -> Verdict | None:
    """Return which process all others wait for, or None if none has hung.

    It is the one that is furthest behind; of several, the one that does not wait in a
    collective operation. One that computes may need long.

    Args:
        beats: The last one of each process.
        silent: Seconds for which no beat of a process has come, by rank.
        timeout: Seconds in which nothing may happen, neither an event nor computing, within an
            iteration; or in which a process may be silent.
        patience: Seconds in which no event may happen in any case.
    """
    gone = [one for one in beats if silent.get(one.rank, 0) > timeout]
    if gone:
        seconds = max(silent[one.rank] for one in gone)
        said = f"nothing was heard for {seconds:.0f} s. It stood"
        return Verdict(_describe(gone, beats, f"Of {{}} {said}"), _ranks(gone))
    least = min(one.at for one in beats)
    last = [one for one in beats if one.at == least]
    if len(last) > 1 and not all(one.waits for one in last):
        last = [one for one in last if not one.waits]
    still = min(one.still for one in last)
    if still < timeout:
        return None
    if all(one.waits for one in beats):
        text = f"All processes have waited for one another for {still:.0f} s. They stand"
        return Verdict(_describe(last, beats, text), _ranks(last))
    hangs = all(one.brisk and one.busy < _IDLE * one.still for one in last)
    if not hangs and still < patience:
        return None
    what = "hangs" if hangs else "does not go on"
    text = f"{{}} {what}: nothing has happened for {still:.0f} s. It stands"
    return Verdict(_describe(last, beats, text), _ranks(last))


def slow(before: Mapping[int, Beat], now: Sequence[Beat]) -> list[str]:
    """Return a line for each process that the others wait for at each step.

    Args:
        before: Beats of some time ago, by rank.
        now: Those of now.
    """
    per_step = {}
    for one in now:
        steps = one.steps - before[one.rank].steps if one.rank in before else 0
        if steps >= _FEW:
            per_step[one.rank] = (one.own - before[one.rank].own) / steps
    found = []
    for one in now:
        others = [seconds for rank, seconds in per_step.items() if rank != one.rank]
        if one.rank not in per_step or not others:
            continue
        own, usual = per_step[one.rank], statistics.median(others)
        if own > _SLOW * usual and own - usual > _NOTICEABLE:
            found.append(
                f"{_capital(one.name)} is slow, and the others wait for it: {own:.2f} s of its own "
                f"per step, and {usual:.2f} s in the others' median. It stands {_place(one)}."
            )
    return found


def _describe(named: Sequence[Beat], beats: Sequence[Beat], text: str) -> str:
    first = named[0]
    more = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
    text = _capital(text.format(first.name + more)) + f" {_place(first)}."
    others = [one for one in beats if one not in named]
    if others:
        places = dict.fromkeys(one.place for one in others)
        text += f" The others stand {'; '.join(places)}."
    return text


def _place(one: Beat) -> str:
    stack = f": {' < '.join(one.stack)}" if one.stack else ""
    return f"{one.place}{stack}"


def _ranks(beats: Sequence[Beat]) -> tuple[int, ...]:
    return tuple(one.rank for one in beats)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
