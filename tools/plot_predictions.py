"""Draw images of the test set with what a classifier says about them, its mistakes first."""

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
    parser.add_argument("--count", type=int, default=40, help="how many images (default: 40)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--cfg-options", nargs="+", metavar="KEY=VALUE", help="override settings")
    args = parser.parse_args(argv)
    options = cli.parse_options(args.cfg_options)

    from mmresnet.inference.predictions import plot_predictions, predict

    predictions = predict(args.config, args.checkpoint, args.count, options, args.device)
    plot_predictions(predictions, args.picture)
    right = predictions.total - predictions.wrong
    print(f"Wrote {args.picture}; {right} of {predictions.total} images are right.")


if __name__ == "__main__":
    sys.exit(cli.run(main))
