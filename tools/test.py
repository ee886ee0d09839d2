"""Evaluate a checkpoint on the test set of a config: ``mmresnet test``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("test")

if __name__ == "__main__":
    sys.exit(run(main))
