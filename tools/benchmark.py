"""Measure speed and memory on this machine: ``mmresnet benchmark``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("benchmark")

if __name__ == "__main__":
    sys.exit(run(main))
