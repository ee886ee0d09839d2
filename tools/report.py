"""Write the report of a training or a test again: ``mmresnet report``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("report")

if __name__ == "__main__":
    sys.exit(run(main))
