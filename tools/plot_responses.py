"""Draw the standard deviations of layer responses: ``mmresnet plot responses``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("plot.responses")

if __name__ == "__main__":
    sys.exit(run(main))
