"""Tables in Markdown: the paper's figure, that of a public reproduction, and ours."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Sequence

from mmresnet.config.find import recipe_paths
from mmresnet.paper import results
from mmresnet.paper.experiment import Column, Experiment, Row
from mmresnet.paper.results import Result

_EXPECT = re.compile(r"Expect (?P<value>[\d.]+) (?P<metric>% top-1|box AP)")
_SOURCE = re.compile(r"Source: (?P<source>[^,]+?)(?=,|\. )")


def table(experiment: Experiment, measured: Sequence[Result]) -> list[str]:
    """Return the lines of an experiment's table, and below it how its figures were measured.

    Args:
        experiment: With its rows.
        measured: Results, of this and of other experiments; each way of measuring gets a column.
    """
    ways = _ways(experiment, measured)
    numbers = [f" {number}" if len(ways) > 1 else "" for number in range(1, len(ways) + 1)]
    public = {row.label: published(row.recipe) for row in experiment.rows if row.recipe}
    header = ["", "paper", *(["public reproduction"] if public else [])]
    header += [f"measured{number}" for number in numbers] or ["measured"]
    titles = " / ".join(column.title for column in experiment.columns)
    lines = [titles, "", f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    for row in experiment.rows:
        cells = [row.label, paper(row, experiment.columns)]
        if public:
            cells.append(public.get(row.label, "–"))
        cells += [ours(experiment, row, own) for own in ways] or ["–"]
        lines.append(f"| {' | '.join(cells)} |")
    for number, own in zip(numbers, ways, strict=True):
        one = own[0]
        on = f" on {one.data}" if one.data else ""
        lines += ["", f"Measured{number}{on}: `{one.command}`, {one.date}, {one.machine}."]
    return lines


def _ways(experiment: Experiment, measured: Sequence[Result]) -> list[list[Result]]:
    """Return the results of an experiment, apart by the way in which they were measured."""
    ways: dict[tuple[str, ...], list[Result]] = {}
    for one in measured:
        if one.experiment == experiment.name:
            ways.setdefault((one.data, one.command, one.date, one.machine), []).append(one)
    return list(ways.values())


def paper(row: Row, columns: Sequence[Column]) -> str:
    """Return the paper's figures of a row, and its note."""
    figures = [
        "–" if value is None else f"{value:.{min(column.decimals, 2)}f}"
        for value, column in zip(row.paper, columns, strict=True)
    ]
    shown = "–" if set(figures) <= {"–"} else " / ".join(figures)
    note = f" ({row.note})" if row.note else ""
    return note.strip(" ()") if note and shown == "–" else shown + note


def ours(experiment: Experiment, row: Row, measured: Sequence[Result]) -> str:
    """Return what was measured of a row: the newest result of each column."""
    cells = []
    for column in experiment.columns:
        found = results.of(measured, experiment.name, row.label, column.title)
        cells.append(best_and_spread(found[-1].values, column.decimals) if found else "–")
    return "–" if set(cells) <= {"–"} else " / ".join(cells)


def best_and_spread(values: Sequence[float], decimals: int) -> str:
    """Return a value, or of several the lowest with mean and standard deviation, as in Table 6."""
    if len(values) == 1:
        return f"{values[0]:.{decimals}f}"
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    return f"{min(values):.{decimals}f} ({mean:.{decimals}f} ± {deviation:.{decimals}f})"


def published(recipe: str) -> str:
    """Return the figure that a recipe's docstring expects, as an error for a top-1, and its source.

    It is of the source's own training and test, which differ from the paper's.
    """
    text = ast.get_docstring(ast.parse(recipe_paths()[recipe].read_text(encoding="utf-8"))) or ""
    text = " ".join(text.split())
    figure, source = _EXPECT.search(text), _SOURCE.search(text)
    assert figure and source, f"{recipe} has no published figure"
    value = float(figure["value"])
    shown = f"{100 - value:.2f}" if figure["metric"] == "% top-1" else f"{value:.1f}"
    return f"{shown} ({source['source'].removeprefix('github.com/')})"


def summary(experiment: Experiment, measured: Sequence[Result]) -> list[str]:
    """Return the lines of an experiment in the list of all: what, data, command, figures."""
    full, small = experiment.full, experiment.small
    data = " --data DIR" if full.data else ""
    lines = [f"{experiment.name:8} {experiment.title}"]
    if full.data:
        lines.append(f"  data   {full.data}")
    if small:
        epochs = f"{small.epochs} epochs" if small.epochs else ""
        lines.append(f"  small  {'; '.join(filter(None, (small.data, epochs, small.says)))}")
    run = f"mmresnet paper {experiment.name}{data or ' --out DIR'}"
    lines.append(f"  run    {run}{' [--small]' if small else ''}")
    rows = [(row, paper(row, experiment.columns)) for row in experiment.rows]
    figures = [f"{row.label} {text}" for row, text in rows if text != "–"]
    if figures:
        lines.append(f"  paper  {'; '.join(figures)}")
    for own in _ways(experiment, measured):
        here = [(row, ours(experiment, row, own)) for row in experiment.rows]
        shown = "; ".join(f"{row.label} {text}" for row, text in here if text != "–")
        way = ", ".join(filter(None, (own[0].data, own[0].date, own[0].machine)))
        lines.append(f"  here   {shown} ({way})")
    return lines


def page(experiments: Sequence[Experiment], measured: Sequence[Result]) -> list[str]:
    """Return the tables of all experiments, for docs/paper.md."""
    lines = []
    for experiment in experiments:
        lines += [f"### {experiment.heading}", "", f"{experiment.title}.", ""]
        lines += [*table(experiment, measured), ""]
    return lines[:-1]
