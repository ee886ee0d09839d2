"""Run a tool of this folder in several processes: ``launch.py TOOL PROCESSES [ARGUMENTS]``."""

import argparse
import sys
from pathlib import Path

from mmresnet.cli.command import run
from mmresnet.cli.launch import add_max_restarts, launch


def main(argv: list[str] | None = None) -> None:
    tool, processes, *arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_max_restarts(parser)
    restarts = parser.parse_known_args(arguments)[0].max_restarts
    sys.exit(launch([str(Path(__file__).with_name(tool)), *arguments], processes, restarts))


if __name__ == "__main__":
    sys.exit(run(main))
