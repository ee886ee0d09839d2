"""Results: what was measured where, in the package's file and in that of a run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mmresnet.atomic import atomic_write
from mmresnet.paper.experiment import Experiment
from mmresnet.paper.measured import Figures

SHIPPED = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Result:
    """A figure that was measured.

    Attributes:
        experiment: ``table3``, …
        row: Its label.
        column: Its title.
        values: In the column's unit; several of repeated trainings.
        data: What it was measured on, and how that differs from the paper.
        command: The line that measures it.
        date: Of the day, as 2026-11-26.
        machine: The processor or GPU, and the versions that matter.
    """

    experiment: str
    row: str
    column: str
    values: tuple[float, ...]
    data: str
    command: str
    date: str
    machine: str


def read(path: str | os.PathLike[str] = SHIPPED) -> list[Result]:
    """Return the results in a file; none if there is no such file."""
    if not Path(path).exists():
        return []
    entries = json.loads(Path(path).read_text(encoding="utf-8"))
    return [Result(**{**entry, "values": tuple(entry["values"])}) for entry in entries]


def write(path: str | os.PathLike[str], results: Iterable[Result]) -> None:
    """Write results to a file, an entry a line."""
    lines = [json.dumps(asdict(one), ensure_ascii=False) for one in results]
    with atomic_write(path) as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


def collect(
    experiment: Experiment,
    figures: Mapping[str, Figures],
    data: str,
    command: str,
    date: str,
    machine: str,
) -> list[Result]:
    """Return the results of an experiment whose steps have measured ``figures``."""
    found = []
    for row in experiment.rows:
        logged = [_logged(step, figures) for step in row.steps]
        for column in experiment.columns:
            values = tuple(
                round(column.convert(one[column.metric]), column.decimals + 2)
                for one in logged
                if column.metric in one
            )
            if values:
                place = (experiment.name, row.label, column.title)
                found.append(Result(*place, values, data, command, date, machine))
    return found


def _logged(step: str, figures: Mapping[str, Figures]) -> dict[str, float]:
    name, _, line = step.partition(":")
    return figures.get(name, {}).get(line, {})


def of(results: Sequence[Result], experiment: str, row: str, column: str) -> list[Result]:
    """Return the results for one place of a table."""
    place = (experiment, row, column)
    return [one for one in results if (one.experiment, one.row, one.column) == place]
