"""Read all images of a config's data sets, and report bad ones: ``mmresnet check-dataset``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("check_dataset")

if __name__ == "__main__":
    sys.exit(run(main))
