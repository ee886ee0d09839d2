"""Copy a folder of images with smaller images: ``mmresnet resize-dataset``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("resize_dataset")

if __name__ == "__main__":
    sys.exit(run(main))
