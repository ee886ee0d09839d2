"""Convert the weights of a ResNet to the tensor names of another package."""

import argparse

EXAMPLE = """\
  %(prog)s resnet50-11ad3fa6.pth resnet50.safetensors --to timm
  %(prog)s timm://resnet50d.ra2_in1k r50d.pth --to mmdet
The layout of the source is detected."""

LAYOUTS = ("mmresnet", "torchvision", "timm", "mmpretrain", "mmdet", "mmseg", "detectron2", "hf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.apis.convert_file`."""
    parser.add_argument("source", help="a file, a URL or a name such as torchvision://resnet50")
    parser.add_argument("target", help="the file to write: .safetensors or .pth")
    parser.add_argument("--to", required=True, choices=LAYOUTS, help="the layout to write")
    parser.add_argument("--key", help="the state dict to take, if the file holds several")


def run(args: argparse.Namespace) -> None:
    """Write the target, and print what it holds."""
    from mmresnet.apis import convert_file
    from mmresnet.weights.report import listed

    converted = convert_file(args.source, args.target, args.to, key=args.key)
    net, layout = converted.metadata["net"], converted.metadata["converted_from"]
    print(f"{args.target}: {net}, {len(converted.tensors)} tensors, from {layout} to {args.to}")
    if converted.left_out:
        print(f"left out, not part of a ResNet: {listed(converted.left_out)}")
