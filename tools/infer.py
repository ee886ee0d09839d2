"""Run a trained classifier or detector on images; write annotated pictures and a JSON file."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""examples:
  python tools/infer.py configs/resnet50_8xb32_in1k.py epoch_100.pth my_images --out output
  python tools/infer.py configs/coco/faster-rcnn_r50_fpn_1x_coco.py epoch_12.pth \\
      street.jpg 'holidays/**/*.jpg' ride.mp4 --out output --score-thr 0.5 --amp
Folders are searched recursively. {cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, or the name of a shipped recipe")
    parser.add_argument("checkpoint", help="the checkpoint's path")
    parser.add_argument("images", nargs="+", help="images, videos, folders or globs")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="for pictures/ and results.json"
    )
    parser.add_argument(
        "--score-thr", type=float, default=0.3, help="lowest score to report (default: 0.3)"
    )
    parser.add_argument("--batch-size", type=int, default=8, help="images per batch (default: 8)")
    parser.add_argument("--no-pictures", action="store_true", help="write only the JSON")
    parser.add_argument("--amp", action="store_true", help="compute in mixed precision")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--cfg-options", nargs="+", metavar="KEY=VALUE", help="override settings")
    args = parser.parse_args(argv)
    options = cli.parse_options(args.cfg_options)

    from mmresnet.inference.inferencer import UnreadableImages, infer

    failed = None
    try:
        results = infer(
            args.config,
            args.checkpoint,
            args.images,
            args.out,
            score_thr=args.score_thr,
            batch_size=args.batch_size,
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


if __name__ == "__main__":
    sys.exit(cli.run(main))
