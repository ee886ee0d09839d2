"""Write scikit-learn's handwritten digits as PNG files: ``mmresnet demo-data digits``."""

import sys

from mmresnet.cli.command import main_of, run

main = main_of("demo_data.digits")

if __name__ == "__main__":
    sys.exit(run(main))
