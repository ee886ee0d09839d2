"""Convert the weights of a ResNet to the tensor names of another package."""

import argparse
from pathlib import Path

from mmresnet.errors import UserError

EXAMPLE = """\
  %(prog)s resnet50-11ad3fa6.pth resnet50.safetensors --to timm
  %(prog)s timm://resnet50d.ra2_in1k r50d.pth --to mmdet
  %(prog)s work_dirs/run/epoch_9.dcp epoch_9.pth
The layout of the source is detected. Without --to, a folder that a sharded training has saved
becomes the file that a training without shards would have saved, from which one can go on."""

LAYOUTS = ("mmresnet", "torchvision", "timm", "mmpretrain", "mmdet", "mmseg", "detectron2", "hf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.apis.convert_file`."""
    parser.add_argument(
        "source", help="a file, a folder of shards, a URL or a name such as torchvision://resnet50"
    )
    parser.add_argument("target", help="the file to write: .safetensors or .pth")
    parser.add_argument("--to", choices=LAYOUTS, help="the layout to write")
    parser.add_argument("--key", help="the state dict to take, if the file holds several")


def run(args: argparse.Namespace) -> None:
    """Write the target, and print what it holds."""
    if args.to is None:
        _join(args)
        return
    from mmresnet.apis import convert_file
    from mmresnet.weights.report import listed

    converted = convert_file(args.source, args.target, args.to, key=args.key)
    net, layout = converted.metadata["net"], converted.metadata["converted_from"]
    print(f"{args.target}: {net}, {len(converted.tensors)} tensors, from {layout} to {args.to}")
    if converted.left_out:
        print(f"left out, not part of a ResNet: {listed(converted.left_out)}")


def _join(args: argparse.Namespace) -> None:
    """Write the checkpoint of a folder of shards as one file."""
    source, target = Path(args.source).expanduser(), Path(args.target).expanduser()
    if not source.is_dir():
        raise UserError(
            f"--to is missing: the layout to write '{args.source}' in, of {', '.join(LAYOUTS)}. "
            "Without it, only a folder that a sharded training has saved becomes a file."
        )
    if target.suffix != ".pth" or args.key:
        raise UserError(
            f"A whole checkpoint is written as .pth and without --key, not as '{target.name}': "
            "give --to for weights alone."
        )
    from mmresnet.weights.convert import join_file

    count = join_file(source, target)
    print(f"{target}: the checkpoint of '{source}', {count} tensors that were sharded")
