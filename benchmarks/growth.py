"""Measure how cost grows: with depth, image size, batch, loader workers, and images of a set.

    mmresnet benchmark growth                      # all of them
    mmresnet benchmark growth depth batch -n 5
    mmresnet benchmark growth --plots docs/images  # with a plot of each

Prints a Markdown table for each: medians of n, each point in a new process, and in the last row the
exponents, that is the slope between the last two points on logarithmic axes: 1 is linear growth.
Memory is the growth of the process's peak since its imports. Steps are those of ``mmresnet train``
with a ResNet on random images in memory, 8 of 224×224 with depth 50 where nothing else is said.
Workers load JPEGs of 500×375. Sets are class folders of files without content, and COCO annotations
without masks; "again" has the index that the first time leaves in the cache.
"""

import argparse
import json
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _measuring import in_new_process, print_heading, print_table

from mmresnet.memory import peak_memory

Costs = dict[str, float]


@dataclass
class Series:
    """One quantity that grows.

    Attributes:
        label: What the points are.
        points: Its values, in order.
        measure: Returns costs by name, which ends in their unit; called in a new process.
        work: Of a point, by which costs should grow linearly.
        repeats: Whether ``measure`` has to be called n times.
    """

    label: str
    points: Sequence[int]
    measure: Callable[[int, int], Costs]
    work: Callable[[int], int] = lambda point: point


def step(
    n: int,
    recipe: str = "resnet50_8xb32_in1k",
    batch: int = 8,
    size: int = 224,
    classes: int = 1000,
    precision: str = "auto",
    options: dict[str, Any] | None = None,
) -> Costs:
    """Measure training steps of a recipe on random images; call it in a new process."""
    import mmpretrain.models  # noqa: F401  (before the memory is measured)
    import training

    from mmresnet.engine.allocator import keep_freed_memory

    base = peak_memory()
    keep_freed_memory()
    call = training.classifier(recipe, batch, size, classes, precision, options=options)
    call()
    times = [timed(call) for _ in range(n)]
    return {"step, s": statistics.median(times), "memory, MB": peak_memory() - base}


def workers(n: int, number: int, images: int = 1024) -> Costs:
    """Measure the loading of images by a number of workers; 0 is the training's own process."""
    from _data import own_loader, write_jpegs

    with tempfile.TemporaryDirectory() as folder:
        write_jpegs(Path(folder), images, different=64)
        loader = own_loader(Path(folder), batch=32, workers=number)
        times = [timed(lambda: [None for _ in loader]) for _ in range(n + 1)]
    return {"1000 images, s": 1000 / images * statistics.median(times[1:])}


def annotations(n: int, boxes: int) -> Costs:
    """Measure reading COCO annotations."""
    from annotations import write_annotations

    return reading(n, "coco", lambda root: write_annotations(root, boxes // 7, boxes, masks=False))


def folders(n: int, files: int) -> Costs:
    """Measure finding the images in class folders, of which there are at most 1,000."""
    from annotations import write_folders

    classes = min(1000, files // 100)
    return reading(
        n, "folders", lambda root: write_folders(root / "folders", classes, files // classes)
    )


def reading(n: int, kind: str, write: Callable[[Path], None]) -> Costs:
    from annotations import measure

    first, again = [], []
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder, "data"), Path(folder, "cache")
        write(root)
        time.sleep(4)  # what has just been written is not cached
        for _ in range(n):
            shutil.rmtree(cache, ignore_errors=True)
            first.append(measure(["--load", kind, str(root)], cache))
            again.append(measure(["--load", kind, str(root)], cache))
    costs: Costs = {}
    for name, runs in (("first", first), ("again", again)):
        wall, _, memory = (statistics.median(values) for values in zip(*runs, strict=True))
        costs |= {f"{name}, s": wall, f"{name}, MB": memory}
    return costs


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


SERIES = {
    "depth": Series("depth", (18, 34, 50, 101, 152), lambda n, x: step(n, f"resnet{x}_8xb32_in1k")),
    "size": Series(
        "height and width of images",
        (112, 160, 224, 320, 448),
        lambda n, x: step(n, size=x),
        work=lambda x: x * x,
    ),
    "batch": Series("images in a batch", (1, 2, 4, 8, 16, 32, 64), lambda n, x: step(n, batch=x)),
    "workers": Series("loader workers", (0, 1, 2, 3, 4), workers),
    "folders": Series("files in class folders", (10**3, 10**4, 10**5, 10**6), folders),
    "annotations": Series("boxes in COCO annotations", (10**3, 10**4, 10**5, 10**6), annotations),
}


def exponent(work: Sequence[float], cost: Sequence[float]) -> float:
    """Return the slope between the last two points, both logarithmic; NaN if one costs nothing."""
    if min(cost[-2:]) <= 0:  # as the memory of what is mapped
        return math.nan
    return math.log(cost[-1] / cost[-2]) / math.log(work[-1] / work[-2])


def measure_all(name: str, points: Sequence[int], n: int) -> list[Costs]:
    """Print the table of a series, and return what it holds."""
    series, found = SERIES[name], []
    for point in points:
        found.append(in_new_process("--one", name, point, "-n", n))
    rows = [
        [f"{x:,}", *(f"{v:.4g}" for v in costs.values())]
        for x, costs in zip(points, found, strict=True)
    ]
    if name != "workers" and len(points) > 1:
        work = [series.work(x) for x in points]
        costs = [exponent(work, [one[key] for one in found]) for key in found[0]]
        rows.append(["exponent", *("–" if math.isnan(one) else f"{one:.2f}" for one in costs)])
    print_table((series.label, *found[0]), rows)
    return found


def draw(name: str, points: Sequence[int], found: Sequence[Costs], folder: Path) -> None:
    """Plot time and memory on logarithmic axes, each with the line of linear growth."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
    from PIL import Image

    from mmresnet.visualization.curves import BLUE, GREY, ORANGE
    from mmresnet.visualization.figure import new_figure, save

    series, grows = SERIES[name], name != "workers"
    work = [series.work(x) for x in points]
    units = sorted({key.rpartition(", ")[2] for key in found[0]}, reverse=True)
    figure = new_figure(4.2 * len(units), 3.4)
    panels = figure.subplots(1, len(units), squeeze=False)[0]
    for axes, unit in zip(panels, units, strict=True):
        keys = [key for key in found[0] if key.endswith(f", {unit}")]
        for key, colour in zip(keys, (BLUE, ORANGE), strict=False):
            costs = [one[key] for one in found]
            axes.plot(points, costs, "o-", color=colour, markersize=3.5, label=key.split(",")[0])
            if grows:
                line = [costs[0] / work[0] * x for x in work]
                label = "linear" if key == keys[0] else None
                axes.plot(points, line, "--", color=GREY, linewidth=1, zorder=0, label=label)
        if grows:
            axes.set(xscale="log", yscale="log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            axes.set_ylim(bottom=0)
        axes.set_xticks(points, [f"{x:,}" for x in points])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(series.label)
        axes.set_title({"s": "Seconds", "MB": "Memory, MB"}[unit], loc="left", fontweight="bold")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    path = folder / f"growth_{name}.png"
    save(figure, path)
    Image.open(path).convert("RGB").quantize(32).save(path, optimize=True)


def main() -> None:
    """Print the tables, and write the plots."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("series", nargs="*", help=f"of {', '.join(SERIES)}; all of them")
    parser.add_argument("-n", type=int, default=3, help="times that each point is measured (3)")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write a plot of each to DIR")
    parser.add_argument("--quick", action="store_true", help="only the first two points of each")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        name, point = args.one
        print(json.dumps(SERIES[name].measure(args.n, int(point))))
        return
    if unknown := set(args.series) - set(SERIES):
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(SERIES)}")
    print_heading(args.n)
    for name in args.series or SERIES:
        points = SERIES[name].points[: 2 if args.quick else None]
        found = measure_all(name, points, args.n)
        if args.plots:
            draw(name, points, found, args.plots)


if __name__ == "__main__":
    main()
