"""Turn the archives of a data set into the folder that recipes read: ``mmresnet prepare``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("prepare")

if __name__ == "__main__":
    sys.exit(run(main))
