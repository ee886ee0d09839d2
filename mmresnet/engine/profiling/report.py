"""The table of where the time of a training step went, and what bounds it."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean

from mmresnet.engine.profiling.shares import Row

_NOTICEABLE = 0.1  # a share of the time; workers that keep up are never waited for
_ADVICE = {
    "input": " More workers may help (train_dataloader.num_workers={workers}).",
    "Python": " A larger batch_size needs fewer calls for an image.",
}
_WIDTHS = (32, 10, 10, 10, 8, 7)


def describe(
    of_processes: list[list[Row]],
    steps: int,
    images: float,
    usual: float,
    workers: int,
    on_gpu: bool = False,
) -> str:
    """Return the table of the first process, and a line that says what bounds all of them.

    Args:
        of_processes: The rows of each process.
        steps: Number of steps that were recorded.
        images: Images of a step, of all processes.
        usual: ms of a step without the profiler.
        workers: Number of workers of each data loader.
        on_gpu: Whether the rows are what a GPU did.
    """
    rows, processes = of_processes[0], len(of_processes)
    time = sum(row.total for row in rows)
    where = (", GPU" if on_gpu else "") + (", process 0" if processes > 1 else "")
    lines = [
        f"{steps} training steps of {images:g} images took {time:.1f} ms each; without the "
        f"profiler {usual:.1f} ms, {1e3 * images / usual:,.1f} images/s.",
        _line(f"ms of a step{where}", "forward", "backward", "total", "share", "calls"),
    ]
    for row in rows:
        passes = [f"{t:.2f}" for t in (row.forward, row.backward)] if row.backward else ["", ""]
        calls = f"{row.calls:.0f}" if row.calls else ""
        total = (f"{row.total:.2f}", f"{row.total / time:.1%}", calls)
        lines.append(_line(row.kind.name, *passes, *total))
    lines.append(_line("all", "", "", f"{time:.2f}", "100.0%", ""))
    return "\n".join([*lines, bound(of_processes, workers)])


def _line(name: str, *values: str) -> str:
    cells = (f"{value:>{width}}" for value, width in zip(values, _WIDTHS[1:], strict=True))
    return f"  {name:<{_WIDTHS[0]}}{''.join(cells)}".rstrip()


def bound(of_processes: list[list[Row]], workers: int) -> str:
    """Return a line that says what takes most of the time, and what follows.

    A process that waits for its input lets the others wait for it, in their communication.
    """
    shares = [_shares(rows) for rows in of_processes]
    names = dict.fromkeys(name for one in shares for name in one)
    over = {"input": max, "communication": min}
    total = {name: over.get(name, mean)([one[name] for one in shares]) for name in names}
    order = sorted(total, key=lambda name: -total[name])
    if workers and total.get("input", 0.0) > _NOTICEABLE:
        order.remove("input")
        order.insert(0, "input")
    limit, *others = (f"{name}, {total[name]:.0%}" for name in order)
    next_ones = f"; next: {'; '.join(others[:2])}" if others else ""
    return f"Bound by {limit}{next_ones}." + _ADVICE.get(order[0], "").format(workers=workers)


def _shares(rows: list[Row]) -> dict[str, float]:
    time = sum(row.total for row in rows)
    shares: dict[str, float] = defaultdict(float)
    for row in rows:
        shares[row.kind.bound] += row.total / time
    return shares
