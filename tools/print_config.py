"""Print a config with its bases and overrides merged."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""example:
  python tools/print_config.py configs/resnet50_8xb32_in1k.py --cfg-options num_classes=2
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, or the name of a shipped recipe")
    parser.add_argument("--cfg-options", nargs="+", metavar="KEY=VALUE", help="override settings")
    args = parser.parse_args(argv)
    options = cli.parse_options(args.cfg_options)

    from mmresnet.apis import load_config

    print(load_config(args.config, options).pretty_text)


if __name__ == "__main__":
    sys.exit(cli.run(main))
