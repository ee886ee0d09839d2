"""Draw what a detector found beside what is annotated, the images with mistakes first."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""example:
  python tools/infer.py CONFIG CHECKPOINT data/digit_scenes/val --out seen
  python tools/plot_detections.py seen/results.json \\
      data/digit_scenes/annotations/instances_val.json detections.png
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", help="results.json that tools/infer.py wrote")
    parser.add_argument("annotations", help="the annotations of these images, in COCO's format")
    parser.add_argument("picture", help="the file to write, such as detections.png")
    parser.add_argument("--count", type=int, default=12, help="how many images (default: 12)")
    args = parser.parse_args(argv)

    from mmresnet.visualization.detections import judge, plot_detections, summary

    scenes = judge(args.results, args.annotations)
    plot_detections(scenes, args.picture, args.count)
    print(f"Wrote {args.picture}; {summary(scenes)}.")


if __name__ == "__main__":
    sys.exit(cli.run(main))
