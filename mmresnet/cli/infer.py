"""Run a trained model on images; write annotated pictures and a JSON file."""

import argparse
import sys

from mmresnet.cli import command

EXAMPLE = """\
  %(prog)s resnet50_8xb32_in1k epoch_100.pth my_images --out output
  %(prog)s faster-rcnn_r50_fpn_1x_coco epoch_12.pth street.jpg 'holidays/**/*.jpg' ride.mp4 \\
      --out output --score-thr 0.5 --precision float32
Folders are searched recursively."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of :func:`mmresnet.apis.infer`."""
    command.add_config_argument(parser)
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    parser.add_argument("images", nargs="+", help="images, videos, folders or globs")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="for pictures/ and results.json"
    )
    parser.add_argument(
        "--score-thr", type=float, default=0.3, help="lowest score to report (default: 0.3)"
    )
    parser.add_argument("--batch-size", type=int, default=8, help="images per batch (default: 8)")
    parser.add_argument("--no-pictures", action="store_true", help="write only the JSON")
    command.add_precision(parser)
    command.add_amp(parser)
    parser.add_argument(
        "--engine",
        default="auto",
        help="pytorch; openvino, which computes the backbone on a CPU; or auto (default), which is "
        "openvino where it is installed and pays: for classifiers and at least 4,000 images, and "
        "detectors in float32 and at least 100",
    )
    command.add_device(parser)
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Write the results, and print how many there are."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.apis import UnreadableImages, infer

    failed = None
    try:
        results = infer(
            args.config,
            args.checkpoint,
            args.images,
            args.out,
            score_thr=args.score_thr,
            batch_size=args.batch_size,
            precision=args.precision,
            engine=args.engine,
            amp=args.amp,
            device=args.device,
            pictures=not args.no_pictures,
            cfg_options=options,
            progress=True,
        )
    except UnreadableImages as error:
        results, failed = error.results, error
    objects = [one for result in results for one in result.get("objects", ())]
    found = f", {len(objects)} objects" if results and "objects" in results[0] else ""
    print(f"{len(results)} images{found}: {args.out}/results.json")
    if failed is not None:
        print(failed, file=sys.stderr)
        sys.exit(1)
