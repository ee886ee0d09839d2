"""Measure speed and memory on this machine, also of other packages."""

import argparse
import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmresnet.config.find import config_folder
from mmresnet.errors import UserFileNotFoundError, UserKeyError, did_you_mean

EXAMPLE = """\
  %(prog)s
  %(prog)s summary
  %(prog)s training detector -n 5 | tee training.md
Without a name it lists the benchmarks; 'summary' runs the most important of them, and prints a line
for each. Arguments after the name are the benchmark's own: %(prog)s training --help. Each prints
Markdown: its date, command, machine and versions, and tables."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark and its arguments."""
    name: Any = parser.add_argument("name", nargs="?", help="which one; without it, list them")
    name.completer = lambda **_: benchmarks()
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, metavar="...", help="the benchmark's own arguments"
    )


def run(args: argparse.Namespace) -> None:
    """Run a benchmark in a new process, or list them all."""
    found = benchmarks()
    if args.name is None:
        width = max(map(len, found))
        print("\n".join(f"{name:{width}}  {title(path)}" for name, path in found.items()))
        return
    if args.name not in found:
        raise UserKeyError(
            f"There is no benchmark '{args.name}'.{did_you_mean(args.name, found)} "
            f"'mmresnet benchmark' lists them all."
        )
    command = [sys.executable, str(found[args.name]), *args.options]
    # as in this process, mmresnet may be on the path only since the program lies beside it
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    code = subprocess.run(command, env=environment).returncode
    if code:
        raise SystemExit(code if code > 0 else 128 - code)


def benchmarks() -> dict[str, Path]:
    """Return the file of each benchmark by its name.

    Raises:
        UserFileNotFoundError: They are missing; they lie beside the configs.
    """
    folder = config_folder().with_name("benchmarks")
    found = {path.stem: path for path in sorted(folder.glob("[a-z]*.py"))}
    if not found:
        raise UserFileNotFoundError(
            f"The benchmarks of mmresnet are not in '{folder}': install the package again with "
            f"'pip install --force-reinstall --no-deps mmresnet'."
        )
    return found


def title(path: Path) -> str:
    """Return the first line of a script's docstring, without running it."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")
