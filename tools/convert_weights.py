"""Convert the weights of a ResNet to the tensor names of another package: ``mmresnet convert``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("convert")

if __name__ == "__main__":
    sys.exit(run(main))
