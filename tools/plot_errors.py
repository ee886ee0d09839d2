"""Draw the errors of several runs in one picture: ``mmresnet plot errors``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("plot.errors")

if __name__ == "__main__":
    sys.exit(run(main))
