"""Write a trained model as a folder for another runtime, and verify it."""

import argparse

from mmresnet.cli import command

EXAMPLE = """\
  %(prog)s digits_resnet20 work_dirs/digits_resnet20/epoch_20.pth --to onnx
  %(prog)s resnet50_8xb32_in1k torchvision://resnet50 --to openvino --out r50 --number 1000
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
        "--number", type=int, default=256, help="how many images at most (default: 256)"
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
        cfg_options=options,
    )
    report = export.report
    sizes = ", ".join(f"{name} ({size / 1e6:.1f} MB)" for name, size in report["bytes"].items())
    print(f"{export.folder}: {sizes}, run.py, report.json")
    print(f"Verified on {report['parity']['source']}: {report['parity']['summary']}")
