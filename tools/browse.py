"""Show what a net will see: ``mmresnet browse``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("browse")

if __name__ == "__main__":
    sys.exit(run(main))
