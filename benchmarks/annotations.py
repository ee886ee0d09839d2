"""Time how long data sets of COCO's and ImageNet's size take to load: mmdet's, mmpretrain's, ours.

    python benchmarks/annotations.py -n 5
    python benchmarks/annotations.py -n 5 --parsers        # those of JSON that are installed

Writes an annotation file (118,000 images, 861,400 boxes, no masks, or one with ``--masks``) and
class folders (1,000 with 1,281 files of a byte each, without blocks) to a temporary folder, and
prints a Markdown table: the median of n runs, each in a new process, the kinds alternating; wall
time and CPU time in seconds after the imports, and by how much the peak of memory grew. "Ours,
first" has an empty cache, "ours, again" that of the one before.
"""

import argparse
import importlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measuring import print_heading

from mmresnet.memory import peak_memory

CLASSES = [f"class {i}" for i in range(80)]
PARSERS = ("json", "orjson", "msgspec", "simdjson", "ijson")


def write_annotations(root: Path, images: int, boxes: int, masks: bool) -> None:
    """Write a file of COCO's fields, and its images, which are empty."""
    draw = random.Random(0)
    (root / "images").mkdir(parents=True)
    listed = []
    for i in range(1, images + 1):
        name = f"{i:012d}.jpg"
        (root / "images" / name).touch()
        listed.append(
            {
                "license": 1,
                "file_name": name,
                "coco_url": f"http://images.cocodataset.org/train2017/{name}",
                "height": draw.randint(300, 640),
                "width": draw.randint(300, 640),
                "date_captured": "2013-11-14 11:18:45",
                "flickr_url": f"http://farm9.staticflickr.com/8186/{i:010d}_{i:010x}_z.jpg",
                "id": i,
            }
        )
    annotations = []
    for i in range(boxes):
        image = draw.choice(listed)
        w, h = (round(draw.uniform(2, image[side]), 2) for side in ("width", "height"))
        x, y = round(draw.uniform(0, image["width"] - w), 2), round(image["height"] - h, 2)
        outline = [round(draw.uniform(0, 600), 2) for _ in range(54 * masks)]
        annotations.append(
            {
                **({"segmentation": [outline]} if masks else {}),
                "area": round(w * h / 2, 4),
                "iscrowd": int(draw.random() < 0.012),
                "image_id": image["id"],
                "bbox": [x, y, w, h],
                "category_id": draw.randint(1, 80),
                "id": i,
            }
        )
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)]
    content = {"images": listed, "annotations": annotations, "categories": categories}
    with open(root / "a.json", "w") as file:
        json.dump(content, file)


def write_folders(root: Path, classes: int, files: int) -> None:
    """Write class folders of files that take no room on the disk.

    Links to one file would be quicker to write, but to look at many of them can take several times
    as long as to look at as many files.
    """
    for label in range(classes):
        folder = root / f"n{label:08d}"
        folder.mkdir(parents=True)
        for i in range(files):
            with open(folder / f"n{label:08d}_{i * 37 % 100003}.JPEG", "wb") as file:
                file.truncate(1)


def load(kind: str, root: Path) -> None:
    """Load a set once, and print wall time, CPU time and the growth of the peak of memory."""
    import mmresnet.ops

    mmresnet.ops.install()
    if kind in ("mmdet", "coco"):
        keywords: dict = dict(
            ann_file=str(root / "a.json"), data_prefix={"img": str(root / "images")}
        )
        keywords["filter_cfg"] = dict(filter_empty_gt=True, min_size=32)
        if kind == "mmdet":
            from mmdet.datasets import CocoDataset as Dataset

            keywords["metainfo"] = {"classes": CLASSES}
        else:
            from mmresnet.datasets.coco.dataset import CocoDataset as Dataset
    else:
        keywords = dict(data_prefix=str(root / "folders"))
        if kind == "mmpretrain":
            from mmpretrain.datasets import CustomDataset as Dataset

            keywords["extensions"] = (".jpeg", ".jpg")
        else:
            from mmresnet.datasets.class_folders import CustomDataset as Dataset
    peak = peak_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    Dataset(**keywords)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    grown = peak_memory() - peak
    print(json.dumps([wall, cpu, grown]))


def parse(parser: str, root: Path) -> None:
    """Parse the annotation file once, and print the same."""
    module = importlib.import_module(parser)
    peak = peak_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    content = (root / "a.json").read_bytes() if parser != "ijson" else b""
    if parser in ("json", "orjson"):
        module.loads(content)
    elif parser == "msgspec":
        module.json.decode(content)
    elif parser == "simdjson":
        for one in module.Parser().parse(content)["annotations"]:
            one.as_dict()
    else:
        with open(root / "a.json", "rb") as file:
            sum(1 for _ in module.items(file, "annotations.item", use_float=True))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    grown = peak_memory() - peak
    print(json.dumps([wall, cpu, grown]))


def measure(arguments: list[str], cache: Path) -> list[float]:
    """Return what a new process prints."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        env={**os.environ, "MMRESNET_INDEX_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5)
    parser.add_argument("--masks", action="store_true")
    parser.add_argument("--parsers", action="store_true")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of COCO's and ImageNet's size"
    )
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.load:
        kind, root = args.load
        (parse if kind in PARSERS else load)(kind, Path(root))
        return
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder, "data"), Path(folder, "cache")
        write_annotations(root, int(118_000 * args.scale), int(861_400 * args.scale), args.masks)
        write_folders(root / "folders", 1000, max(2, int(1281 * args.scale)))
        time.sleep(4)  # what has just been written is not cached
        found: dict[str, list[list[float]]] = {}
        for _ in range(args.n):
            if args.parsers:
                for name in filter(importlib.util.find_spec, PARSERS):
                    found.setdefault(name, []).append(measure(["--load", name, str(root)], cache))
                continue
            shutil.rmtree(cache, ignore_errors=True)
            for name, kind in (
                ("annotations: mmdet", "mmdet"),
                ("annotations: mmresnet, first", "coco"),
                ("annotations: mmresnet, again", "coco"),
                ("class folders: mmpretrain", "mmpretrain"),
                ("class folders: mmresnet, first", "folders"),
                ("class folders: mmresnet, again", "folders"),
            ):
                found.setdefault(name, []).append(measure(["--load", kind, str(root)], cache))
    print_heading(args.n)
    print()
    print("| | wall, s | CPU, s | memory, MB |\n|---|---|---|---|")
    for name, runs in found.items():
        wall, cpu, memory = (statistics.median(values) for values in zip(*runs, strict=True))
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
