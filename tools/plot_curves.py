"""Draw loss, metrics and learning rate of a training run: ``mmresnet plot curves``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("plot.curves")

if __name__ == "__main__":
    sys.exit(run(main))
