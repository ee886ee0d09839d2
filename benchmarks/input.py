"""Time the input of training: images per second of one core, and what a worker costs.

    MMRESNET_DATA=DIR python benchmarks/input.py

DIR holds ``imagenet_sample_125.tar``, 125 photographs of ImageNet. Prints Markdown tables: decoders
alone; ImageNet's training input from these files and from what ``mmresnet resize-dataset`` makes of
them (``resized_images.py`` compares its options), with the pixels' differences from mmpretrain's;
the handwritten digits; 32×32 images in memory, as CIFAR's; and a worker's start and memory.

Times are CPU times of the process, medians of n rounds in which all candidates take turns, so that
others on the machine disturb them equally; "relative" is the median of the rounds' ratios. Install
simplejpeg for the rows that name it.
"""

import argparse
import io
import multiprocessing
import os
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import mmpretrain.datasets
import numpy as np
import torch
from _measuring import print_heading
from mmengine.dataset import Compose
from mmengine.dataset.utils import default_collate
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.io import ImageReadMode, decode_jpeg, read_file
from torchvision.transforms import v2

from mmresnet.config.load import load_config
from mmresnet.datasets import jpeg_parts
from mmresnet.datasets.demo.digits import write_digits
from mmresnet.datasets.own_steps import use_own_steps
from mmresnet.datasets.resizing.folder import ResizedFolder
from mmresnet.datasets.resizing.image import Settings
from mmresnet.engine.resume.data_order import SampleIndex, SeededDataset
from mmresnet.engine.resume.loader import ResumableDataLoader

Case = Callable[[], object]
SIMPLEJPEG = jpeg_parts.simplejpeg
IMAGENET = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", scale=224),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
DEFAULTS = dict(size=256, quality=90)  # of mmresnet resize-dataset
IN_MEMORY = 128 * 8  # images of 32×32


def table(title: str, cases: dict[str, Case], images: int, rounds: int) -> None:
    """Print the speed of each case, called alternately; the first is what the others relate to."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            np.random.seed(number)
            torch.manual_seed(number)
            start = time.process_time()
            case()
            if number:  # the first round warms up
                times[name].append(time.process_time() - start)
    print(f"\n| {title} | img/s of one core | µs per image | relative |\n|---|---|---|---|")
    first = next(iter(times.values()))
    for name, own in times.items():
        each = statistics.median(own) / images
        relative = statistics.median(a / b for a, b in zip(first, own, strict=True))
        print(f"| {name} | {1 / each:,.0f} | {1e6 * each:.0f} | {relative:.2f} |")


def decoders(files: list[Path]) -> dict[str, Case]:
    """Return functions that decode all files."""
    contents = [path.read_bytes() for path in files]
    arrays = [np.frombuffer(content, np.uint8) for content in contents]
    tensors = [read_file(str(path)) for path in files]
    cases: dict[str, Case] = {
        "OpenCV": lambda: [cv2.imdecode(array, cv2.IMREAD_COLOR) for array in arrays],
        "torchvision.io": lambda: [decode_jpeg(t, ImageReadMode.RGB) for t in tensors],
        "Pillow": lambda: [
            np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in contents
        ],
    }
    if SIMPLEJPEG:
        cases["simplejpeg"] = lambda: [SIMPLEJPEG.decode_jpeg(c, "BGR") for c in contents]
    return cases


def by_torchvision(files: list[Path]) -> Case:
    """Return the input by torchvision alone: RGB, uint8, as the others."""
    transform = v2.Compose(
        [v2.RandomResizedCrop(224, antialias=False), v2.RandomHorizontalFlip(0.5)]
    )
    return lambda: batches(
        transform(decode_jpeg(read_file(str(path)), ImageReadMode.RGB)) for path in files
    )


def batches(samples: object) -> None:
    """Collate samples, 25 at a time."""
    batch: list[object] = []
    for sample in samples:  # type: ignore[attr-defined]
        batch.append(sample)
        if len(batch) == 25:
            default_collate(batch)
            batch.clear()


def pipelines() -> tuple[Compose, Compose]:
    """Return mmpretrain's pipeline and ours."""
    stock, own = Compose(IMAGENET), Compose(IMAGENET)
    use_own_steps(own)
    return stock, own


def loading(pipeline: Compose, files: list[Path], simplejpeg: object = SIMPLEJPEG) -> Case:
    """Return a function that loads files by a pipeline; ``simplejpeg`` is None for OpenCV."""
    infos = [dict(img_path=str(path), gt_label=0, sample_idx=0) for path in files]

    def run() -> None:
        jpeg_parts.simplejpeg = simplejpeg
        batches(pipeline(dict(info)) for info in infos)

    return run


def photos(folder: Path) -> list[Path]:
    """Unpack the photographs, and return their files."""
    with tarfile.open(Path(os.environ["MMRESNET_DATA"], "imagenet_sample_125.tar")) as archive:
        archive.extractall(folder, filter="data")
    return sorted(folder.rglob("*.JPEG"))


def resized(files: list[Path], target: Path, size: int, quality: int) -> list[Path]:
    """Make ``files``, which are all that their folder holds, smaller, and return the new ones."""
    for _ in ResizedFolder(files[0].parent, target, Settings(size, quality)).make(workers=0):
        pass
    return [target / path.name for path in files]


def imagenet(files: list[Path], small: list[Path]) -> dict[str, Case]:
    """Return functions that load all files for training; ``small`` are the resized ones."""
    stock, own = pipelines()
    cases = {
        "mmpretrain (OpenCV)": loading(stock, files),
        "torchvision.io + v2": by_torchvision(files),
        "mmresnet, OpenCV": loading(own, files, None),
        "mmpretrain, resized files": loading(stock, small),
        "mmresnet, OpenCV, resized files": loading(own, small, None),
    }
    if SIMPLEJPEG:
        cases["mmresnet, simplejpeg"] = loading(own, files)
        cases["mmresnet, simplejpeg, resized files"] = loading(own, small)
    return cases


def differences(files: list[Path], draws: int) -> None:
    """Print how far our pixels lie from mmpretrain's, for the crops decoded at a smaller size."""
    stock, own = pipelines()
    means, largest, reduced = [], 0, 0
    for number in range(draws):
        for place, path in enumerate(files):
            crops = []
            for pipeline in (stock, own):
                np.random.seed(number * len(files) + place)
                crops.append(pipeline(dict(img_path=str(path)))["inputs"].numpy().astype(int))
            difference = np.abs(crops[0] - crops[1])
            if difference.any():
                reduced += 1
                largest = max(largest, difference.max())
                means.append(difference.mean())
    total = draws * len(files)
    print(
        f"\n{total} crops: {total - reduced} equal mmpretrain's bit for bit, {reduced} are decoded "
        f"at a smaller size; there the mean absolute difference is {np.mean(means):.2f} of 255, "
        f"the largest {largest}."
    )


def build(recipe: str, stock: bool, root: Path) -> SeededDataset:
    """Return the training set of a recipe with mmpretrain's steps or ours."""
    cfg = load_config(recipe, {"data_root": str(root)})
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    if stock:
        dataset.pipeline = Compose(cfg.train_dataloader.dataset.pipeline)
    return SeededDataset(dataset, 0)


class InMemory(mmpretrain.datasets.BaseDataset):
    """Random images of 32×32, held as mmpretrain's CIFAR10 holds its own."""

    def load_data_list(self) -> list[dict]:
        """Return images and labels."""
        pixels = np.random.default_rng(0).integers(0, 256, (IN_MEMORY, 32, 32, 3), np.uint8)
        return [{"img": image, "gt_label": 0} for image in pixels]


def in_memory(own: bool) -> SeededDataset:
    """Return images in memory, with the pipeline of the CIFAR recipes by mmpretrain or by us."""
    pipeline = load_config("resnet20_1xb128_cifar10").train_dataloader.dataset.pipeline
    dataset = InMemory(ann_file="", pipeline=pipeline)
    if own:
        use_own_steps(dataset.pipeline)
    return SeededDataset(dataset, 0)


def epoch(dataset: SeededDataset, batch_size: int, images: int) -> Case:
    """Return a function that loads and collates the first images, seeded for each."""

    def run() -> None:
        for start in range(0, images, batch_size):
            places = [SampleIndex(i, 0, i) for i in range(start, start + batch_size)]
            default_collate(dataset.__getitems__(places))

    return run


def worker(dataset: SeededDataset) -> None:
    """Print the start and the memory of two workers, on a system with /proc."""
    loader = DataLoader(
        dataset._seeded,
        batch_size=32,
        num_workers=2,
        collate_fn=default_collate,
        persistent_workers=True,
    )
    batches = iter(ResumableDataLoader(loader, 0))
    start = time.perf_counter()
    next(batches)
    first = time.perf_counter() - start
    for _ in range(20):
        next(batches)
    own = []
    for process in multiprocessing.active_children():
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        own += [int(line.split()[1]) / 1024 for line in lines if line.startswith("Private_Dirty")]
    print(
        f"\n{len(own)} workers: the first batch of 32 after {1e3 * first:.0f} ms, and "
        f"{statistics.mean(own):.0f} MB of own memory each."
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-n", "--number", type=int, default=9, help="rounds")
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    init_default_scope("mmpretrain")
    print_heading(args.number)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = photos(folder / "photos")
        small = resized(files, folder / "resized", **DEFAULTS)
        count, rounds = len(files), args.number
        table("decoding alone", decoders(files), count, rounds)
        table("ImageNet's training input", imagenet(files, small), count, rounds)
        differences(files, 4)
        write_digits(folder / "digits")
        sets = [build("digits_resnet20", stock, folder / "digits") for stock in (True, False)]
        cases = {
            name: epoch(dataset, 64, 704)
            for name, dataset in zip(("mmpretrain", "mmresnet"), sets, strict=True)
        }
        table("digits, from PNG files", cases, 704, rounds)
        cases = {
            "mmpretrain": epoch(in_memory(own=False), 128, IN_MEMORY),
            "mmresnet": epoch(in_memory(own=True), 128, IN_MEMORY),
        }
        table("32×32 in memory, crop and flip", cases, IN_MEMORY, rounds)
        worker(sets[1])


if __name__ == "__main__":
    main()
