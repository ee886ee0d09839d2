#!/usr/bin/env python3
"""Write the parameters and multiply-adds of every net to docs/model_complexity.md."""

import sys

from mmresnet.cli.command import main_of, run

if __name__ == "__main__":
    arguments = ["--out", "docs/model_complexity.md", *sys.argv[1:]]
    sys.exit(run(main_of("complexity"), arguments))
