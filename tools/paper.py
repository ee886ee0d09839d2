"""Reproduce the tables and figures of He et al. 2015, and compare: ``mmresnet paper``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("paper")

if __name__ == "__main__":
    sys.exit(run(main))
