"""Compare sizes and qualities of resized images: their speed as training input, and what they lose.

    MMRESNET_DATA=DIR python benchmarks/resized_images.py

DIR holds ``imagenet_sample_125.tar``, 125 photographs of ImageNet. Each row of the Markdown table
is a set as ``mmresnet resize-dataset`` makes it; the first is the photographs themselves, loaded by
mmpretrain. Times are CPU times, as in ``input.py``: the median of n rounds, and that of the rounds'
ratios to the first row. A crop's difference is the mean of the absolute ones to the same crop of
the photograph, of 255; "enlarged" are the crops with a side below 224 pixels.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import input as training_input
import numpy as np
import torch
from _measuring import print_heading
from mmengine.registry import init_default_scope

from mmresnet.datasets.decoding import decode

CROPS, SIDE = 4, 224


def times(cases: dict[str, training_input.Case], rounds: int) -> dict[str, list[float]]:
    """Return the CPU times of the cases, called in turn; the first round is left out."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            np.random.seed(number)
            start = time.process_time()
            case()
            if number:
                found[name].append(time.process_time() - start)
    return found


def crops(step: Any, files: list[Path]) -> Iterator[tuple[int, tuple[float, ...]]]:
    """Yield images with crops drawn from them, as shares of height, width, height and width."""
    for number, path in enumerate(files):
        height, width = decode(path.read_bytes()).shape[:2]
        np.random.seed(number)
        for _ in range(CROPS):
            box = step.rand_crop_params(SimpleNamespace(shape=(height, width)))
            sides = (height, width, height, width)
            yield number, tuple(a / b for a, b in zip(box, sides, strict=True))


def crop_of(image: np.ndarray, shares: tuple[float, ...]) -> tuple[np.ndarray, bool]:
    """Return a crop at 224×224 by bilinear interpolation, and whether it has been enlarged."""
    rows, columns = image.shape[:2]
    top, left, height, width = (
        a * b for a, b in zip(shares, (rows, columns, rows, columns), strict=True)
    )
    y, x = height / SIDE, width / SIDE
    matrix = np.array([[x, 0, left + (x - 1) / 2], [0, y, top + (y - 1) / 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REPLICATE
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=flags, borderMode=edge)
    return crop, min(y, x) < 1


def losses(
    files: list[Path], others: list[Path], drawn: list[tuple[int, tuple[float, ...]]]
) -> tuple[float, float]:
    """Return how far crops of other files are from those of ``files``, and the enlarged share."""
    whole, images = ([decode(path.read_bytes()) for path in paths] for paths in (files, others))
    apart, enlarged = [], []
    for number, shares in drawn:
        before, after = (crop_of(these[number], shares) for these in (whole, images))
        apart.append(np.abs(before[0].astype(int) - after[0]).mean())
        enlarged.append(after[1])
    return statistics.mean(apart), statistics.mean(enlarged)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-n", "--number", type=int, default=7, help="rounds")
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 256, 288, 320, 384])
    parser.add_argument("--qualities", type=int, nargs="+", default=[80, 90, 95])
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    init_default_scope("mmpretrain")
    stock, own = training_input.pipelines()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = training_input.photos(folder / "photos")
        sets = {"mmpretrain, photographs": files}
        for size in args.sizes:
            for quality in args.qualities:
                target = folder / f"{size}-{quality}"
                name = f"--size {size} --quality {quality}"
                sets[name] = training_input.resized(files, target, size, quality)
        pipelines = [stock, *[own] * (len(sets) - 1)]
        found = times(
            {
                name: training_input.loading(pipeline, paths)
                for (name, paths), pipeline in zip(sets.items(), pipelines, strict=True)
            },
            args.number,
        )
        print_heading(args.number)
        print()
        print("| set | kB a file | img/s of one core | relative | difference | enlarged |")
        print("|---|---|---|---|---|---|")
        first = next(iter(found.values()))
        drawn = list(crops(stock.transforms[1], files))
        for name, paths in sets.items():
            speed = len(files) / statistics.median(found[name])
            relative = statistics.median(a / b for a, b in zip(first, found[name], strict=True))
            difference, enlarged = losses(files, paths, drawn)
            kilobytes = sum(path.stat().st_size for path in paths) / len(paths) / 1000
            print(
                f"| {name} | {kilobytes:.0f} | {speed:,.0f} | {relative:.2f} | "
                f"{difference:.1f} | {100 * enlarged:.0f} % |"
            )


if __name__ == "__main__":
    main()
