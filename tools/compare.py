"""Compare runs: curves, settings, predictions, significance: ``mmresnet compare``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("compare")

if __name__ == "__main__":
    sys.exit(run(main))
