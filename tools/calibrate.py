"""Fit a temperature for a classifier, and store it with the weights: ``mmresnet calibrate``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("calibrate")

if __name__ == "__main__":
    sys.exit(run(main))
