"""Show what a net will see: batches, steps of the pipeline, classes, sizes, boxes.

The page is one HTML file, which needs no network.
"""

import argparse

from mmresnet.cli import command

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k --cfg-options data_root=my_images
  %(prog)s faster-rcnn_r50_fpn_1x_coco --out coco.html --number 20
  %(prog)s digits_resnet20 --set val"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config, the file, and what to show."""
    command.add_config_argument(parser)
    parser.add_argument(
        "--out", default="browse.html", metavar="FILE.html", help="the file (browse.html)"
    )
    parser.add_argument("--number", type=int, default=12, help="images in a batch (default: 12)")
    parser.add_argument(
        "--set", default="train", metavar="SET", help="train (default), val or test"
    )
    parser.add_argument("--seed", type=int, default=0, help="of what is random (default: 0)")
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write the page."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.report.browse.write import write_browse

    write_browse(
        args.config,
        args.out,
        split=args.set,
        number=args.number,
        seed=args.seed,
        cfg_options=options,
    )
    print(f"Wrote {args.out}.")
