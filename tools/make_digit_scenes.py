"""Write scenes of handwritten digits among clutter: ``mmresnet demo-data scenes``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("demo_data.scenes")

if __name__ == "__main__":
    sys.exit(run(main))
