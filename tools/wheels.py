"""Download wheels of the packages that the GPU tests need, for a machine without a network.

These are the dependencies of mmresnet's extra openmmlab, and of pytest, in the versions that are
installed here. What an environment for PyTorch has in any case is left out: torch, torchvision,
numpy, pillow, OpenCV, matplotlib, scipy and scikit-learn, and what only they need.
Then, on the machine:

    make test-gpu PYTHON=python3 WHEELS=.wheels
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mmresnet.atomic import atomic_folder
from mmresnet.cli import command as cli
from mmresnet.errors import UserError

EXAMPLE = f"""example:
  .venv/bin/python tools/wheels.py --python 3.12 --out .wheels
{cli.DEBUG_NOTE}"""

ROOTS = ("mmresnet[openmmlab]", "pytest")
PRESENT = (
    *("torch", "torchvision", "numpy", "pillow", "opencv-python"),
    *("matplotlib", "scipy", "scikit-learn"),
)
GLIBC = 28  # 2.28, which PyTorch's wheels need
LIMIT = 60 * 10**6  # bytes


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default="3.12", metavar="X.Y", help="default: %(default)s")
    parser.add_argument("--machine", default="x86_64", help="x86_64 or aarch64 (%(default)s)")
    parser.add_argument("--out", default=".wheels", type=Path, help="default: %(default)s")
    args = parser.parse_args(argv)
    if not re.fullmatch(r"3\.\d+", args.python):
        raise UserError(f"--python takes a version as in 3.12, not '{args.python}'.")
    if args.out.exists():
        raise UserError(f"'{args.out}' exists: remove it, or name another folder with --out.")
    pins = [f"{name}=={metadata_of(name).version}" for name in closure(ROOTS, args.python)]
    with atomic_folder(args.out) as folder:
        download(pins, args.python, args.machine, folder)
        sizes = check_size(folder)
    print(f"{len(sizes)} wheels of {sum(sizes.values()) / 1e6:.1f} MB in {args.out}.")


def closure(roots: Iterable[str], python: str) -> list[str]:
    """Return the names of all that ``roots`` need on that Python, without mmresnet and PRESENT.

    Raises:
        UserError: One of these is not installed here.
    """
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    waiting, found = [Requirement(root) for root in roots], set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras}:
            if name not in PRESENT and (name, extra) not in found:
                found.add((name, extra))
                markers = {**environment, "extra": extra}
                needs = map(Requirement, metadata_of(name).requires or [])
                waiting += [one for one in needs if not one.marker or one.marker.evaluate(markers)]
    return sorted({name for name, _ in found} - {"mmresnet"})


def metadata_of(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise UserError(
            f"'{name}' is not installed here: run this in an environment of the tests, as .venv, "
            "with the Python that the wheels are for."
        ) from error


def download(pins: list[str], python: str, machine: str, folder: Path) -> None:
    """Download a wheel of each package.

    Raises:
        UserError: There is none for that Python and machine.
    """
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)]
    platforms = [f"--platform={tag}" for tag in (*tags, f"manylinux2014_{machine}")]
    options = ("--no-deps", "--only-binary=:all:", f"--python-version={python}", *platforms)
    command = [sys.executable, "-m", "pip", "download", "-q", *options, f"--dest={folder}", *pins]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise UserError(f"pip download: {(lines or [done.stderr.strip()])[-1]}")


def check_size(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file.

    Raises:
        UserError: Together they are larger than LIMIT.
    """
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    total = sum(sizes.values())
    if total > LIMIT:
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:3]
        listed = ", ".join(f"{name} {sizes[name] / 1e6:.1f} MB" for name in largest)
        raise UserError(
            f"The wheels have {total / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f}: the largest are "
            f"{listed}. Add what the machine has anyway to PRESENT in {Path(__file__).name}."
        )
    return sizes


if __name__ == "__main__":
    sys.exit(cli.run(main))
