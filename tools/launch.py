"""Run a tool of this folder in several processes: ``launch.py TOOL PROCESSES [ARGUMENTS]``."""

import argparse
import sys
from pathlib import Path

from mmresnet.cli import rendezvous
from mmresnet.cli.command import run
from mmresnet.cli.launch import add_max_restarts, launch


def main(argv: list[str] | None = None) -> None:
    tool, processes, *arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_max_restarts(parser)
    rendezvous.add_arguments(parser)
    args = parser.parse_known_args(arguments)[0]
    machines = rendezvous.from_arguments(args.nnodes, args.rdzv)
    command = [str(Path(__file__).with_name(tool)), *arguments]
    sys.exit(launch(command, processes, args.max_restarts, machines=machines))


if __name__ == "__main__":
    sys.exit(run(main))
