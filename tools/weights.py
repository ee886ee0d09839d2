"""List, show and download public weights."""

import argparse
import sys

from mmresnet.cli import command as cli

EXAMPLE = f"""examples:
  python tools/weights.py list resnet50
  python tools/weights.py show torchvision://resnet50
  python tools/weights.py fetch timm://resnet50d.ra2_in1k
MMRESNET_CACHE sets the folder of the files, MMRESNET_OFFLINE=1 forbids downloads, and
MMRESNET_MIRROR=https://download.pytorch.org=https://mirror.example/pytorch sets a mirror.
{cli.DEBUG_NOTE}"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="print the catalogue, a line for each entry")
    listing.add_argument("pattern", nargs="?", default="", help="a part of their names")
    showing = commands.add_parser("show", help="print all about some weights")
    showing.add_argument("name", help="a name, an address or a file name")
    fetching = commands.add_parser("fetch", help="download weights, and print their path")
    fetching.add_argument("name", help="a name, hf://organization/name or an address")
    args = parser.parse_args(argv)
    {"list": print_list, "show": print_entry, "fetch": print_file}[args.command](args)


def print_list(args: argparse.Namespace) -> None:
    from mmresnet.errors import UserError
    from mmresnet.weights.hub import catalogue

    found = catalogue.search(args.pattern)
    if not found:
        raise UserError(f"The catalogue has no weights with '{args.pattern}' in their names.")
    width = max(len(entry.name) for entry in found)
    print(f"{'name':<{width}}  net              top-1  at   classes       licence")
    for entry in found:
        top1 = "" if entry.top1 is None else f"{entry.top1:.2f}"
        size = entry.preprocessing.size or ""
        print(
            f"{entry.name:<{width}}  {entry.variant:<11} {entry.depth:>4} {top1:>6}  {size!s:<4} "
            f"{entry.dataset:<13} {entry.licence}".rstrip()
        )


def print_entry(args: argparse.Namespace) -> None:
    from mmresnet.weights.hub import catalogue, download

    entry = catalogue.get(args.name)
    rows = {
        "name": entry.name,
        "also": ", ".join(entry.aliases),
        "address": entry.url,
        "SHA-256": entry.sha256 + "…" * (len(entry.sha256) == 8),
        "network": f"{entry.variant} {entry.depth}, style '{entry.style}'",
        "layout": entry.layout,
        "classes": entry.dataset,
        "recipe": entry.recipe,
        "top-1": "" if entry.top1 is None else f"{entry.top1:g} %",
        "images": str(entry.preprocessing),
        "licence": entry.licence,
        "file": str(download.local_file(entry.name) or "not downloaded"),
    }
    for name, value in rows.items():
        if value:
            print(f"{name + ':':<9}{value}")


def print_file(args: argparse.Namespace) -> None:
    from mmresnet.weights.hub import download

    print(download.fetch(args.name))


if __name__ == "__main__":
    sys.exit(cli.run(main))
