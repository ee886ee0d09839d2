"""Print a line for each of the most important benchmarks: the stock package, mmresnet, the ratio.

    mmresnet benchmark summary
    MMRESNET_DATA=DIR mmresnet benchmark summary -n 5    # also ImageNet's input, from photographs
    mmresnet benchmark summary training inference

Runs other benchmarks one after another, and reads their tables; a row names its command. Rows whose
packages or data are not there are left out, and named below the table.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from _measuring import print_heading, print_table


@dataclass
class Row:
    """A row of the table.

    Attributes:
        what: What is measured.
        command: The benchmark and its arguments; DIGITS is a folder with the handwritten digits.
        package: What ours is compared with.
        stock: Row and column of the table that the command prints, as patterns.
        ours: Likewise.
        unit: Of the numbers there.
    """

    what: str
    command: str
    package: str
    stock: tuple[str, str]
    ours: tuple[str, str]
    unit: str = "s"


MODELS = (  # what, command, package, unit
    ("training step of ResNet-50, 16 × 224×224", "training resnet50", "mmpretrain", "images/s"),
    ("training step of Faster R-CNN R50-FPN, 2 × 480×640", "training detector", "mmdet", "s"),
    ("inference of ResNet-50, 16 × 224×224", "inference classifier", "mmpretrain", "images/s"),
    ("inference of Faster R-CNN R50-FPN, 2 × 480×640", "inference detector", "mmdet", "ms"),
)
READING = (  # what, row of the package, package, row of ours
    ("COCO's annotations, first time", "annotations: mmdet", "mmdet", "annotations: .*, first"),
    ("COCO's annotations, again", "annotations: mmdet", "mmdet", "annotations: .*, again"),
    ("ImageNet's folders, first time", "class.*: mmpretrain", "mmpretrain", "class.*, first"),
    ("ImageNet's folders, again", "class.*: mmpretrain", "mmpretrain", "class.*, again"),
)
ROWS = (
    *(
        Row(what, command, package, (package, unit), (r"\*\*mmresnet\*\*", unit), unit)
        for what, command, package, unit in MODELS
    ),
    Row(
        "ImageNet's training input, from photographs, one core",
        "input",
        "mmpretrain",
        (r"mmpretrain \(OpenCV\)", "img/s.*"),
        ("mmresnet, simplejpeg", "img/s.*"),
        "images/s",
    ),
    *(
        Row(what, "annotations", package, (stock, "wall, s"), (ours, "wall, s"))
        for what, stock, package, ours in READING
    ),
    Row(
        "from the start to the end of the first iteration",
        "startup DIGITS",
        "mmpretrain",
        ("first iteration: mmpretrain", "end, s"),
        ("first iteration: mmresnet", "end, s"),
    ),
    Row(
        "what training waits for a checkpoint of ResNet-50",
        "checkpoint",
        "mmengine",
        ("ResNet-50", "mmengine, s"),
        ("ResNet-50", "mmresnet, s"),
    ),
)


def cell(printed: str, row: str, column: str) -> float | None:
    """Return the number in a Markdown table of ``printed``, the last one of the cell, or None."""
    header: list[str] = []
    for line in printed.splitlines():
        cells = [text.strip() for text in line.split("|")[1:-1]]
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells
        elif re.fullmatch(row, cells[0]):
            places = [i for i, name in enumerate(header) if i and re.fullmatch(column, name)]
            numbers = re.findall(r"[\d,]*\.?\d+", cells[places[0]]) if places else []
            if numbers:
                return float(numbers[-1].replace(",", ""))
    return None


def printed_by(command: str, n: int, digits: str) -> str:
    """Return what a benchmark prints, or nothing if it fails: the terminal then shows why."""
    name, *arguments = command.replace("DIGITS", digits).split()
    script = Path(__file__).with_name(f"{name}.py")
    print(f"… {name} {' '.join(arguments)}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, str(script), *arguments, "-n", str(n)], capture_output=True, text=True
    )
    if done.returncode:
        print("\n".join(done.stderr.splitlines()[-1:]), file=sys.stderr, flush=True)
        return ""
    return done.stdout


def main() -> None:
    """Print the table."""
    names = sorted({row.command.split()[0] for row in ROWS})
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(names)}; all of them")
    parser.add_argument("-n", type=int, default=5, help="rounds of each (5)")
    args = parser.parse_args()
    if unknown := set(args.names) - set(names):
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(names)}")
    print_heading(args.n)
    rows, left_out = [], []
    chosen = [row for row in ROWS if row.command.split()[0] in (args.names or names)]
    with tempfile.TemporaryDirectory() as folder:
        digits = Path(folder, "digits")
        printed = dict.fromkeys(row.command for row in chosen)
        for command in printed:
            if "DIGITS" in command:
                from mmresnet.datasets.demo.digits import write_digits

                write_digits(digits)
            if command == "input" and "MMRESNET_DATA" not in os.environ:
                printed[command] = ""
                continue
            printed[command] = printed_by(command, args.n, str(digits))
    for row in chosen:
        stock, ours = (cell(printed[row.command] or "", *place) for place in (row.stock, row.ours))
        if stock is None or ours is None:
            left_out.append(row.what)
            continue
        ratio = ours / stock if row.unit == "images/s" else stock / ours
        command = f"`mmresnet benchmark {row.command}`"
        values = (f"{row.package}: {stock:g} {row.unit}", f"{ours:g} {row.unit}", f"{ratio:.1f}")
        rows.append((row.what, *values, command))
    print_table(("", "stock", "mmresnet", "times as fast", "command"), rows)
    if left_out:
        print(f"\nLeft out, since a package or data is missing: {'; '.join(left_out)}.")


if __name__ == "__main__":
    main()
