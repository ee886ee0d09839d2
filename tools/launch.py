"""Run a tool of this folder in several processes: ``launch.py TOOL PROCESSES [ARGUMENTS]``."""

import sys
from pathlib import Path

from mmresnet.cli.command import run
from mmresnet.cli.launch import launch


def main(argv: list[str] | None = None) -> None:
    tool, processes, *arguments = sys.argv[1:] if argv is None else argv
    sys.exit(launch([str(Path(__file__).with_name(tool)), *arguments], processes))


if __name__ == "__main__":
    sys.exit(run(main))
