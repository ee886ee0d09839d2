"""Write a localizer's proposals: ``mmresnet propose``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("propose")

if __name__ == "__main__":
    sys.exit(run(main))
