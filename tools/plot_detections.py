"""Draw a detector's true positives, false positives and false negatives, worst images first."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""example:
  python tools/infer.py CONFIG CHECKPOINT data/digit_scenes/val --out output
  python tools/plot_detections.py output/results.json \\
      data/digit_scenes/annotations/instances_val.json detections.png
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", help="the results.json of tools/infer.py")
    parser.add_argument("annotations", help="the annotations of these images in COCO's format")
    parser.add_argument("picture", help="the file to write, such as detections.png")
    parser.add_argument("--count", type=int, default=12, help="number of images (default: 12)")
    args = parser.parse_args(argv)

    from mmresnet.evaluation.matching import match, summary
    from mmresnet.visualization.detections import plot_detections

    scenes = match(args.results, args.annotations)
    plot_detections(scenes, args.picture, args.count)
    print(f"Wrote {args.picture}; {summary(scenes)}.")


if __name__ == "__main__":
    sys.exit(cli.run(main))
