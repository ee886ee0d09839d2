"""Reproduce the tables and figures of He et al. 2015, and compare.

Without a name, all are listed: what each shows, the data that it needs, its command, the paper's
figures, and those measured with this package. With a name alone, its commands and its table.

With --data it runs: its commands are printed before they run, and each can be run by hand. The same
command again leaves out what is finished and continues a training that was interrupted. At the end
come a table and a picture. --small takes the same method to data for a small machine.
"""

from __future__ import annotations

import argparse
import shlex
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmresnet.paper.experiment import Experiment, Protocol
    from mmresnet.paper.running import Work

EXAMPLE = """\
  %(prog)s
  %(prog)s table3 --data data/imagenet --nproc 8
  %(prog)s figure6 --small --data data/cifar10_images --out figure6
  %(prog)s table6 --small --data data/cifar10_images --epochs 20 --dry-run"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the experiment, and how it is run."""
    name: Any = parser.add_argument("name", nargs="?", help="table1, figure6, …; none lists them")
    name.completer = _complete
    parser.add_argument("--data", metavar="DIR", help="the folder of its data")
    parser.add_argument(
        "--out", metavar="DIR", help="for all that it writes (work_dirs/paper or paper-small)"
    )
    parser.add_argument(
        "--small", action="store_true", help="the same method, on data for a small machine"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="of each training with --small")
    parser.add_argument("--nproc", type=int, metavar="N", help="train and test in N processes")
    parser.add_argument("--dry-run", action="store_true", help="print the commands only")
    parser.add_argument("--markdown", action="store_true", help="print the tables of all, for docs")


def _complete(**_: object) -> list[str]:
    from mmresnet.paper.catalogue import EXPERIMENTS

    return list(EXPERIMENTS)


def run(args: argparse.Namespace) -> None:
    """List, describe or run."""
    from mmresnet.paper import report, results
    from mmresnet.paper.catalogue import EXPERIMENTS, find

    given = (args.data, args.out, args.epochs, args.nproc)
    runs = args.small or args.dry_run or any(value is not None for value in given)
    if args.name is None:
        if runs:
            raise UserError("Name the experiment to run: 'mmresnet paper' lists them.")
        show = report.page if args.markdown else _listed
        print("\n".join(show(list(EXPERIMENTS.values()), results.read())))
        return
    experiment = find(args.name)
    if args.markdown:
        raise UserError("--markdown prints the tables of all experiments: give no name.")
    if runs:
        _run(experiment, args)
    else:
        _describe(experiment)


def _listed(experiments: list[Experiment], measured: Any) -> list[str]:
    from mmresnet.paper.report import summary

    return [line for one in experiments for line in (*summary(one, measured), "")][:-1]


def _describe(experiment: Experiment) -> None:
    from mmresnet.paper import report, results

    print("\n".join(report.summary(experiment, [])))
    print("\nCommands:")
    for work in _works(experiment.full, "DIR", "OUT"):
        print(f"  {work.command}")
    print()
    print("\n".join(report.table(experiment, results.read())))


def _run(experiment: Experiment, args: argparse.Namespace) -> None:
    from mmresnet.paper.running import run_all

    protocol = _protocol(experiment, args)
    epochs = args.epochs or protocol.epochs
    out = args.out or f"work_dirs/paper{'-small' * args.small}"
    works = _works(protocol, args.data or "", out, epochs, args.nproc)
    if args.dry_run:
        print("\n".join(work.command for work in works))
        return
    run_all(works)
    _report(experiment, protocol, epochs, works, Path(out), args)


def _protocol(experiment: Experiment, args: argparse.Namespace) -> Protocol:
    """Return the protocol to run; check the arguments.

    Raises:
        UserError: They do not go together, or the data are missing.
    """
    if args.small and experiment.small is None and experiment.full.data:
        raise UserError(f"{experiment.name} has no small form: leave --small out.")
    protocol = experiment.protocol(args.small)
    if args.epochs is not None and (protocol.epochs is None or args.epochs < 1):
        raise UserError(
            f"--epochs {args.epochs}: give a number from 1 on, with --small, where the "
            "experiment has epochs; its other schedules are fixed."
        )
    if args.nproc is not None and args.nproc < 1:
        raise UserError(f"--nproc {args.nproc}: give a number of processes from 1 on.")
    if protocol.data and not args.data:
        raise UserError(f"{experiment.name} needs --data DIR with {protocol.data}.")
    if args.data is not None and not protocol.data:
        raise UserError(f"{experiment.name} reads no data here: leave --data out.")
    if protocol.data and not args.dry_run and not Path(args.data).is_dir():
        raise UserError(
            f"--data: there is no folder '{args.data}'; {experiment.name} needs {protocol.data}."
        )
    return protocol


def _works(
    protocol: Protocol,
    data: str,
    out: str,
    epochs: int | None = None,
    processes: int | None = None,
) -> list[Work]:
    from mmresnet.paper.running import Work, record_of

    return [
        Work(step.name, step.words(data, out, epochs, processes), record_of(out, step.name))
        for step in protocol.steps
    ]


def _report(
    experiment: Experiment,
    protocol: Protocol,
    epochs: int | None,
    works: list[Work],
    out: Path,
    args: argparse.Namespace,
) -> None:
    """Print the table; write it, and the results in the form of the package's own file."""
    from mmresnet.atomic import atomic_write
    from mmresnet.paper import report, results
    from mmresnet.paper.measured import measured

    figures = {work.name: measured(work.words, work.printed) for work in works}
    length = f"{epochs} epoch{'s' * (epochs != 1)}" if epochs else ""
    parts = [protocol.data.partition(":")[0], length, protocol.says]
    data = "; ".join(part for part in parts if part)
    command = shlex.join(["mmresnet", "paper", *args.arguments])
    found = results.collect(
        experiment, figures, data, command, date.today().isoformat(), _machine()
    )
    results.write(out / f"{experiment.name}.json", found)
    lines = [f"## {experiment.heading}", "", f"{experiment.title}.", ""]
    lines += report.table(experiment, found)
    for picture in experiment.pictures:
        lines += ["", f"![{experiment.title}]({picture})"]
    with atomic_write(out / f"{experiment.name}.md") as file:
        file.write("\n".join(lines) + "\n")
    print("\n" + "\n".join(lines))
    print(f"\nWrote {experiment.name}.md and {experiment.name}.json in {out}.")


def _machine() -> str:
    import torch

    from mmresnet.processor import describe

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else describe()
    return f"{device}, torch {torch.__version__}"
