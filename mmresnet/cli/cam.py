"""Draw class activation maps: which parts of images speak for a class.

The method cam is exact: for a net with global average pooling and a linear layer, as ResNets have,
the map's sum is the class's logit (Zhou et al. 2016). Grad-CAM (Selvaraju et al. 2017) is for any
classifier and layer.
"""

import argparse
import sys

from mmresnet.cli import command

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k epoch_100.pth dog.jpg
  %(prog)s resnet50_8xb32_in1k epoch_100.pth my_images --class tabby --out maps
  %(prog)s resnet50_8xb32_in1k epoch_100.pth dog.jpg --method grad-cam --layer backbone.layer3"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, the images and the kind of map."""
    command.add_config_argument(parser)
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    parser.add_argument("images", nargs="+", help="images, folders or globs")
    parser.add_argument(
        "--class", dest="class_name", metavar="NAME", help="the class (default: the predicted one)"
    )
    parser.add_argument(
        "--method", help="cam or grad-cam (default: cam where the net allows it and no --layer)"
    )
    parser.add_argument(
        "--layer", metavar="NAME", help="the layer of Grad-CAM (default: the backbone's output)"
    )
    parser.add_argument("--out", default="cams", metavar="DIR", help="for the pictures (cams)")
    command.add_device(parser)
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write the pictures, and print a line for each."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.inference.cam import Explainer
    from mmresnet.inference.cam_pictures import write_pictures
    from mmresnet.inference.inferencer import UnreadableImages
    from mmresnet.inference.pipeline import Failure
    from mmresnet.inference.sources import find_sources

    sources = find_sources(args.images, skip=args.out)
    explainer = Explainer(
        args.config,
        args.checkpoint,
        args.method,
        args.layer,
        device=args.device,
        cfg_options=options,
    )
    failed = []
    for done in write_pictures(explainer, sources, args.out, args.class_name):
        if isinstance(done, Failure):
            failed.append(done)
            continue
        path, found = done
        print(f"{path}: {explainer.classes[found.class_id]} {found.score:.0%}", flush=True)
    if failed:
        print(UnreadableImages([], failed), file=sys.stderr)
        sys.exit(1)
