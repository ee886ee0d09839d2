"""Evaluate a checkpoint on the test set of a config."""

import argparse
import os
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""example:
  python tools/test.py configs/resnet50_8xb32_in1k.py work_dirs/resnet50_8xb32_in1k/epoch_100.pth
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, or the name of a shipped recipe")
    parser.add_argument("checkpoint", help="a checkpoint: a file, a URL or a name")
    cli.add_common_arguments(parser)
    args = parser.parse_args(argv)
    options = cli.parse_options(args.cfg_options)

    from mmresnet.apis import test

    metrics = test(
        args.config,
        args.checkpoint,
        work_dir=args.work_dir,
        amp=args.amp,
        cfg_options=options,
        launcher=args.launcher,
        device=args.device,
    )
    for name, value in metrics.items() if os.environ.get("RANK", "0") == "0" else ():
        print(f"{name}: {value:.4f}")


if __name__ == "__main__":
    sys.exit(cli.run(main))
