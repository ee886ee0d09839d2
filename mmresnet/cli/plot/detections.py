"""Draw a detector's true and false positives and its false negatives."""

import argparse

EXAMPLE = """\
  mmresnet infer CONFIG CHECKPOINT data/digit_scenes/val --out output
  %(prog)s output/results.json data/digit_scenes/annotations/instances_val.json detections.png
The worst images come first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the detections, the annotations and the picture."""
    parser.add_argument("results", help="the results.json of mmresnet infer")
    parser.add_argument("annotations", help="the annotations of these images in COCO's format")
    parser.add_argument("picture", help="the file to write, such as detections.png")
    parser.add_argument("--count", type=int, default=12, help="number of images (default: 12)")


def run(args: argparse.Namespace) -> None:
    """Write the picture, and print the totals."""
    from mmresnet.evaluation.detection.matching import match, summary
    from mmresnet.visualization.detections import plot_detections

    scenes = match(args.results, args.annotations)
    plot_detections(scenes, args.picture, args.count)
    print(f"Wrote {args.picture}; {summary(scenes)}.")
