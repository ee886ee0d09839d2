"""Combine trained detectors to an ensemble: ``mmresnet ensemble-detectors``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("ensemble_detectors")

if __name__ == "__main__":
    sys.exit(run(main))
