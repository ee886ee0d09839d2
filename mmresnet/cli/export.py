"""Write a trained model as a folder for another runtime, and verify it."""

import argparse
from typing import Any

from mmresnet.cli import command

_NAMED = 5  # of the layers that stay in float32; all are in report.json
EXAMPLE = """\
  %(prog)s digits_resnet20 work_dirs/digits_resnet20/epoch_20.pth --to onnx
  %(prog)s resnet50_8xb32_in1k torchvision://resnet50 --to openvino --out r50 --number 1000
  %(prog)s resnet50_8xb32_in1k torchvision://resnet50 --to openvino --int8 --max-drop 0.3
  python r50/run.py cat.jpg
The folder has the model, run.py, which needs neither mmresnet nor PyTorch, and report.json."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.apis.export_model`."""
    command.add_config_argument(parser)
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    parser.add_argument("--to", required=True, help="onnx, torch, aoti or openvino")
    parser.add_argument("--out", metavar="DIR", help="the folder (exports/<config>_<format>)")
    parser.add_argument(
        "--images",
        nargs="+",
        default=[],
        metavar="PATH",
        help="files and folders to verify it on (the recipe's validation set)",
    )
    parser.add_argument(
        "--number", type=int, help="how many images at most (256; a classifier in 8 bits: 2000)"
    )
    parser.add_argument(
        "--int8",
        action="store_true",
        help="compute in 8 bits, calibrated on the training set (--to openvino or onnx)",
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        default=0.5,
        metavar="POINTS",
        help="how much top-1 or AP 8 bits may cost; layers return to float32 until they do not "
        "cost more (0.5)",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace an exported model in the folder"
    )
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write the folder, and print what the comparison found."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.apis import export_model

    export = export_model(
        args.config,
        args.checkpoint,
        args.to,
        args.out,
        images=args.images,
        number=args.number,
        force=args.force,
        int8=args.int8,
        max_drop=args.max_drop,
        cfg_options=options,
    )
    report = export.report
    sizes = ", ".join(f"{name} ({size / 1e6:.1f} MB)" for name, size in report["bytes"].items())
    print(f"{export.folder}: {sizes}, run.py, report.json")
    print(f"Verified on {report['parity']['source']}: {report['parity']['summary']}")
    if "int8" in report:
        print(_int8_line(report["int8"]))


def _int8_line(found: dict[str, Any]) -> str:
    layers, speeds = found["layers"], dict(found["images_per_second"])
    ours = speeds.pop("int8")
    others = ", ".join(f"{ours / speed:.2f} × {name}" for name, speed in speeds.items())
    rest = f" (in float32: {_some(layers['float32'])})" if layers["float32"] else ""
    return (
        f"int8: {layers['int8']} of {layers['all']} layers{rest}, calibrated on "
        f"{found['calibration']}; "
        f"{ours:.1f} images/s in batches of {found['batch']}, {others} in the same runtime"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + ", …" * (len(names) > _NAMED)
