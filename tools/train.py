"""Train a model from a config: ``mmresnet train``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("train")

if __name__ == "__main__":
    sys.exit(run(main, resumable=True))
