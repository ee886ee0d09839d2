"""Compare a killed and resumed training with an unbroken one: ``mmresnet crash-test``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("crash_test")

if __name__ == "__main__":
    sys.exit(run(main))
