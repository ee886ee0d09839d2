"""Print a config with its bases and overrides merged: ``mmresnet config``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("config")

if __name__ == "__main__":
    sys.exit(run(main))
