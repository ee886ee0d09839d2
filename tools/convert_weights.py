"""Convert the weights of a ResNet to the tensor names of another package."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""examples:
  python tools/convert_weights.py resnet50-11ad3fa6.pth resnet50.safetensors --to timm
  python tools/convert_weights.py timm://resnet50d.ra2_in1k r50d.pth --to mmdet
The layout of the source is detected. {cli.DEBUG_NOTE}"""

LAYOUTS = ("mmresnet", "torchvision", "timm", "mmpretrain", "mmdet", "mmseg", "detectron2", "hf")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="a file, a URL or a name such as torchvision://resnet50")
    parser.add_argument("target", help="the file to write: .safetensors or .pth")
    parser.add_argument("--to", required=True, choices=LAYOUTS, help="the layout to write")
    parser.add_argument("--key", help="the state dict to take, if the file holds several")
    args = parser.parse_args(argv)

    from mmresnet.apis import convert_file
    from mmresnet.weights.report import listed

    converted = convert_file(args.source, args.target, args.to, key=args.key)
    net, layout = converted.metadata["net"], converted.metadata["converted_from"]
    print(f"{args.target}: {net}, {len(converted.tensors)} tensors, from {layout} to {args.to}")
    if converted.left_out:
        print(f"left out, not part of a ResNet: {listed(converted.left_out)}")


if __name__ == "__main__":
    sys.exit(cli.run(main))
