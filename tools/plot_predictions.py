"""Draw a classifier's predictions, the wrong ones first: ``mmresnet plot predictions``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("plot.predictions")

if __name__ == "__main__":
    sys.exit(run(main))
