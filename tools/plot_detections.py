"""Draw a detector's true and false positives and false negatives: ``mmresnet plot detections``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("plot.detections")

if __name__ == "__main__":
    sys.exit(run(main))
