"""Draw images of the test set with a classifier's predictions, misclassified ones first."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""example:
  python tools/plot_predictions.py configs/demo/digits_resnet20.py \\
      work_dirs/digits_resnet20/epoch_20.pth predictions.png
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, or the name of a shipped recipe")
    parser.add_argument("checkpoint", help="the checkpoint's path")
    parser.add_argument("picture", help="the file to write, such as predictions.png")
    parser.add_argument("--count", type=int, default=40, help="number of images (default: 40)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--cfg-options", nargs="+", metavar="KEY=VALUE", help="override settings")
    args = parser.parse_args(argv)
    options = cli.parse_options(args.cfg_options)

    from mmresnet.inference.predictions import predict
    from mmresnet.visualization.predictions import plot_predictions

    predictions = predict(args.config, args.checkpoint, args.count, options, args.device)
    plot_predictions(predictions, args.picture)
    correct, total = predictions.correct, predictions.total
    print(f"Wrote {args.picture}; {correct:,} of {total:,} images are classified correctly.")


if __name__ == "__main__":
    sys.exit(cli.run(main))
