#!/usr/bin/env python3
"""Write the parameters and multiply-adds of every net to docs/model_complexity.md."""

import argparse
from pathlib import Path

HEADER = """\
# Parameters and multiply-adds

Written by `tools/model_complexity.py`: each net with global average pooling and a fully connected
layer (1000 classes at 224 pixels, 10 at 32), counted by `mmengine.analysis`, as in the OpenMMLab
model zoos. VGG-16 and -19 are torchvision's, for comparison. In the
paper (Table 1), ResNet-18 to -152 have 1.8, 3.6, 3.8, 7.6 and 11.3 G multiply-adds, VGG-16 and -19
15.3 and 19.6 G. Its bottlenecks have the stride in the first 1×1 convolution (`style='caffe'`);
those here in the 3×3, which costs about 0.3 G more.

| net | input | parameters (M) | multiply-adds (G) |
|---|---|---|---|
"""


def main() -> None:
    """Parse the command line, count, write."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example: tools/model_complexity.py --only 'ResNet-50' prints one row",
    )
    parser.add_argument("--only", metavar="NAME", help="print only rows whose name contains NAME")
    parser.add_argument("--out", default="docs/model_complexity.md", help="default: %(default)s")
    args = parser.parse_args()

    from mmengine.logging import MMLogger

    from mmresnet.evaluation.complexity import measure, nets

    MMLogger.get_current_instance().setLevel("ERROR")  # no list of uncounted operators

    rows = []
    for name, input_size, make in nets():
        if args.only is None or args.only in name:
            rows.append(measure(name, input_size, make).row())
            print(rows[-1], flush=True)
    if args.only is None:
        Path(args.out).write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
        print(f"Written to {args.out}")


if __name__ == "__main__":
    main()
