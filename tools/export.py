"""Write a trained model as a folder for another runtime, and verify it: ``mmresnet export``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("export")

if __name__ == "__main__":
    sys.exit(run(main))
