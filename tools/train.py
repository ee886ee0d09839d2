"""Train a model from a config."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""example:
  python tools/train.py configs/resnet50_8xb32_in1k.py --amp \\
      --cfg-options data_root=my_images num_classes=2
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, or the name of a shipped recipe")
    parser.add_argument(
        "--resume",
        nargs="?",
        const=True,
        default=False,
        metavar="PATH",
        help="continue from the latest checkpoint of the work dir, or from PATH",
    )
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate to the batch size"
    )
    cli.add_common_arguments(parser)
    args = parser.parse_args(argv)
    options = cli.parse_options(args.cfg_options)

    from mmresnet.apis import train

    train(
        args.config,
        work_dir=args.work_dir,
        resume=args.resume,
        amp=args.amp,
        auto_scale_lr=args.auto_scale_lr,
        cfg_options=options,
        launcher=args.launcher,
        device=args.device,
    )


if __name__ == "__main__":
    sys.exit(cli.run(main, resumable=True))
