"""Average the class scores of several tests, and print the errors: ``mmresnet ensemble``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("ensemble")

if __name__ == "__main__":
    sys.exit(run(main))
