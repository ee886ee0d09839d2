"""List, show and download public weights."""

import argparse

from mmresnet.errors import UserError

EXAMPLE = """\
  %(prog)s list resnet50
  %(prog)s show torchvision://resnet50
  %(prog)s fetch timm://resnet50d.ra2_in1k
MMRESNET_CACHE sets the folder of the files, MMRESNET_OFFLINE=1 forbids downloads, and
MMRESNET_MIRROR=https://download.pytorch.org=https://mirror.example/pytorch sets a mirror."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add list, show and fetch."""
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="print the catalogue, a line for each entry")
    listing.add_argument("pattern", nargs="?", default="", help="a part of their names")
    showing = actions.add_parser("show", help="print all about some weights")
    showing.add_argument("name", help="a name, an address or a file name")
    fetching = actions.add_parser("fetch", help="download weights, and print their path")
    fetching.add_argument("name", help="a name, hf://organization/name or an address")


def run(args: argparse.Namespace) -> None:
    """Print a list, an entry, or the path of a file."""
    {"list": _print_list, "show": _print_entry, "fetch": _print_file}[args.action](args)


def _print_list(args: argparse.Namespace) -> None:
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


def _print_entry(args: argparse.Namespace) -> None:
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


def _print_file(args: argparse.Namespace) -> None:
    from mmresnet.weights.hub import download

    print(download.fetch(args.name))
