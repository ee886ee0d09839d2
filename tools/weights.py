"""List, show and download public weights: ``mmresnet weights``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("weights")

if __name__ == "__main__":
    sys.exit(run(main))
