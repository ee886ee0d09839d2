"""Run a trained model on images; write annotated pictures and a JSON file: ``mmresnet infer``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("infer")

if __name__ == "__main__":
    sys.exit(run(main))
