"""Find all mistakes in a config at once: ``mmresnet check-config``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("check_config")

if __name__ == "__main__":
    sys.exit(run(main))
