"""What an experiment is: command lines, and a table whose rows they fill."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field

# The head reports the accuracy of each batch, and each line of the log has the mean over the 100
# steps since the last one; mmengine would take the last batch alone. It is not the validation's
# accuracy/top1, which must not be averaged. Epochs end with a line, at which validation is drawn.
LOG_ACCURACY = (
    "model.head.cal_acc=True default_hooks.logger.ignore_last=False log_processor.window_size=100 "
    "'log_processor.mean_pattern=.*(loss|time|data_time|grad_norm|accuracy_top).*'"
)
_PLACEHOLDER = re.compile(r"\{(data|out|epochs|(\d+)%)\}")


def error(accuracy: float) -> float:
    """Return the error to an accuracy, both in percent."""
    return 100 - accuracy


def percent(share: float) -> float:
    """Return a share in percent."""
    return 100 * share


def same(value: float) -> float:
    """Return a value as it is logged."""
    return value


@dataclass(frozen=True)
class Step:
    """One command of ``mmresnet``.

    Attributes:
        name: Of the step, and of the folder in ``--out`` for what it writes.
        template: The words of the command. ``{data}`` and ``{out}`` stand for the folders,
            ``{epochs}`` for their number and ``{50%}`` for half of it, rounded, at least 1.
    """

    name: str
    template: str

    def words(
        self, data: str, out: str, epochs: int | None = None, processes: int | None = None
    ) -> list[str]:
        """Return the words after ``mmresnet``; trainings and tests run in so many processes."""

        def fill(found: re.Match[str]) -> str:
            known = {"data": data, "out": out, "epochs": str(epochs)}
            if found[2] is None:
                return known[found[1]]
            assert epochs is not None, f"{self.name} has a share of the epochs"
            return str(max(1, round(int(found[2]) / 100 * epochs)))

        words = [_PLACEHOLDER.sub(fill, word) for word in shlex.split(self.template)]
        if processes is not None and words[0] in ("train", "test"):
            words[1:1] = ["--nproc", str(processes)]
        return words


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Attributes:
        title: With the unit.
        metric: The name under which steps log it.
        convert: From the logged value to the paper's unit.
        decimals: With which it is printed.
    """

    title: str
    metric: str
    convert: Callable[[float], float] = same
    decimals: int = 2


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        label: What is measured.
        paper: The paper's figure for each column; None where it has none.
        steps: The steps that measure it; several are repeated trainings. After a colon, which of a
            step's lines it is.
        note: What the paper adds to its figures.
        recipe: A recipe whose docstring gives the figure of a public reproduction.
    """

    label: str
    paper: tuple[float | None, ...] = ()
    steps: tuple[str, ...] = ()
    note: str = ""
    recipe: str = ""


@dataclass(frozen=True)
class Protocol:
    """A way to run an experiment.

    Attributes:
        data: What has to be in the folder ``--data``; empty if nothing is read from there, since a
            step writes the data or none are needed.
        steps: In order.
        epochs: Of each training, where that can be chosen.
        says: In what it differs from the paper.
    """

    data: str
    steps: tuple[Step, ...]
    epochs: int | None = None
    says: str = ""


@dataclass(frozen=True)
class Experiment:
    """A table or figure of the paper.

    Attributes:
        name: ``table3``, ``figure6``, …
        title: What it shows.
        columns: The figures of each row.
        rows: Of the table.
        full: As the paper did it.
        small: The same method for a small machine.
        pictures: Files in ``--out`` that the steps draw.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    full: Protocol
    small: Protocol | None = None
    pictures: tuple[str, ...] = field(default=())

    @property
    def heading(self) -> str:
        """``Table 3`` for ``table3``."""
        return re.sub(r"(\d+)", r" \1", self.name).capitalize()

    def protocol(self, small: bool) -> Protocol:
        """Return the small or the full protocol; an experiment of small cost has one."""
        return self.small if small and self.small is not None else self.full


def train(name: str, recipe: str, options: str, flags: str = "") -> Step:
    """Return the step that trains, or continues a training that was interrupted."""
    flags = f" {flags}" * bool(flags)
    return Step(
        name,
        f"train {recipe} --work-dir {{out}}/{name} --resume{flags} "
        f"--cfg-options data_root={{data}} {options}".rstrip(),
    )


def test(name: str, run: str, recipe: str, options: str, flags: str = "") -> Step:
    """Return the step that tests the last weights of the training ``run``."""
    flags = f" {flags}" * bool(flags)
    return Step(
        name,
        f"test {recipe} {{out}}/{run}/weights/last.pth --work-dir {{out}}/{name}{flags} "
        f"--cfg-options data_root={{data}} {options}".rstrip(),
    )
