"""Draw class activation maps: ``mmresnet cam``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("cam")

if __name__ == "__main__":
    sys.exit(run(main))
