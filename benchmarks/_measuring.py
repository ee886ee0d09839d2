"""What the benchmarks share: the heading of a result, measuring in turn, tables, new processes."""

import ctypes
import functools
import importlib.metadata
import importlib.util
import json
import logging
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmresnet import __version__, processor
from mmresnet.engine.allocator import keep_freed_memory

PACKAGES = (
    *("torch", "torchvision", "numpy", "mmengine", "mmcv", "mmcv-lite", "mmpretrain", "mmdet"),
    *("onedl-mmengine", "onedl-mmcv", "onedl-mmpretrain", "onedl-mmdetection"),
    *("timm", "openvino", "nncf", "onnx", "onnxruntime"),
    *("opencv-python", "opencv-python-headless", "simplejpeg"),
)


def print_heading(n: int, device: str = "cpu") -> None:
    """Print what a result file begins with: name, date, command, machine, versions and n.

    What libraries log from then on is not shown: it would stand among the tables.
    """
    logging.disable(logging.WARNING)
    name, torch = Path(sys.argv[0]).stem, sys.modules.get("torch")
    variables = [f"{key}={os.environ[key]}" for key in ("OMP_NUM_THREADS",) if key in os.environ]
    command = shlex.join([*variables, "mmresnet", "benchmark", name, *sys.argv[1:]])
    machine = [processor.describe()]
    if torch:
        machine.append(f"{torch.get_num_threads()} threads")
    if device == "cuda":
        machine.insert(0, f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})")
    versions = [f"Python {platform.python_version()}", f"mmresnet {__version__}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"## {name}, {time.strftime('%Y-%m-%d')}\n")
    print(f"- command: `{command}`\n- machine: {', '.join(machine)}")
    print(f"- versions: {', '.join(versions)}\n- n = {n}{load}", flush=True)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table, when all rows are there."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    print(
        "\n".join(["", f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", *lines]), flush=True
    )


@functools.cache
def installed(package: str) -> bool:
    """Return whether a package can be imported; say once that it is left out if it cannot."""
    if importlib.util.find_spec(package):
        return True
    print(f"\nNot installed, and left out: {package}.", flush=True)
    return False


def in_turn(
    cases: Mapping[str, Callable[[], object]],
    rounds: int,
    before: Callable[[str], object] = lambda name: None,
    seconds: float = math.inf,
) -> dict[str, list[tuple[float, float]]]:
    """Call the cases in turn; return the seconds of each call: on the clock, and of all CPUs.

    Args:
        rounds: How often each is called, after a first time that is not counted.
        before: Called with a case's name before each call.
        seconds: No further round begins after this time.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    begin = time.perf_counter()
    for number in range(rounds + 1):
        if number > 1 and time.perf_counter() - begin > seconds:
            break
        for name, case in cases.items():
            before(name)
            wall, cpu = time.perf_counter(), time.process_time()
            case()
            if number:
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return times


def allocator_of(name: str) -> None:
    """Let the C library keep freed memory for ours, or do as at the start of a process."""
    if "mmresnet" in name:
        keep_freed_memory()
    elif platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-4, 65536)
        mallopt(-1, 128 * 1024)


def median_and_ratio(
    times: Mapping[str, Sequence[tuple[float, float]]], clock: int = 0
) -> dict[str, tuple[float, float]]:
    """Return each case's median, and how many times as fast as the first case it is.

    The latter is the median of the ratios of each round, which what else a machine does changes
    less. ``clock`` is 0 for the time on the clock and 1 for that of all CPUs.
    """
    first = next(iter(times.values()), ())
    return {
        name: (
            statistics.median(one[clock] for one in own),
            statistics.median(a[clock] / b[clock] for a, b in zip(first, own, strict=True)),
        )
        for name, own in times.items()
    }


def in_new_process(*arguments: object) -> Any:
    """Run the calling script with these arguments; return what it printed last, which is JSON.

    Raises:
        RuntimeError: It failed; with the end of what it printed.
    """
    command = [sys.executable, sys.argv[0], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
