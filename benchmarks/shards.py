"""What it takes to get an image out of a folder, of shards, and of other libraries' shards.

Each library is run by an interpreter that has it: ``python benchmarks/shards.py LIBRARY IMAGES``,
where LIBRARY is folder, mmresnet, streaming (mosaicml-streaming), litdata or webdataset, and IMAGES
a tar file of JPEG images, which are taken 16 times. Times are CPU times of one process, and the
files are in the page cache: images are read in a random order, by webdataset in that of the shards.

``python benchmarks/shards.py index IMAGES`` makes an index of 1,281,167 images and opens it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

REPEATS, SHARD_SIZE, SEED = 16, 8_000_000, 0
Sample = tuple[str, bytes]
Read = Callable[[list[int]], Iterable[bytes]]


def images_of(archive: Path) -> list[Sample]:
    """Return the images of a tar file, several times under different names, shuffled."""
    with tarfile.open(archive) as file:
        images = [
            (Path(one.name).stem, file.extractfile(one).read())  # type: ignore[union-attr]
            for one in file
            if one.isfile() and one.name.lower().endswith((".jpg", ".jpeg"))
        ]
    samples = [
        (f"train/c{number % 25:02}/{repeat:02}_{name.replace('.', '_')}.jpg", content)
        for repeat in range(REPEATS)
        for number, (name, content) in enumerate(images)
    ]
    random.Random(SEED).shuffle(samples)
    return samples


def folder(samples: list[Sample], where: Path) -> Read:
    """Files of a folder."""
    for name, content in samples:
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(content)

    def read(order: list[int]) -> Iterator[bytes]:
        for index in order:
            with open(f"{where}/{samples[index][0]}", "rb", buffering=0) as file:
                yield file.read()

    return read


def mmresnet(samples: list[Sample], where: Path) -> Read:
    """This project's shards."""
    from mmresnet.datasets.shards.packing import pack
    from mmresnet.datasets.shards.shard_set import ShardSet

    @contextmanager
    def no_bar(title: str, total: int) -> Iterator[Callable[[int], object]]:
        yield lambda count: None

    folder(samples, where / "from")
    pack(where / "from", str(where / "to"), SHARD_SIZE, no_bar)
    found = ShardSet(str(where / "to"))
    return lambda order: (found.content(samples[index][0]) for index in order)


def streaming(samples: list[Sample], where: Path) -> Read:
    """MosaicML Streaming's shards, by their index."""
    from streaming import MDSWriter, StreamingDataset

    columns = {"name": "str", "image": "bytes"}
    with MDSWriter(out=str(where), columns=columns, size_limit=SHARD_SIZE) as writer:
        for name, content in samples:
            writer.write({"name": name, "image": content})
    found = StreamingDataset(local=str(where), batch_size=1)
    return lambda order: (found[index]["image"] for index in order)


def litdata(samples: list[Sample], where: Path) -> Read:
    """LitData's chunks, by their index."""
    from litdata import StreamingDataset
    from litdata.streaming.cache import Cache

    cache = Cache(input_dir=str(where), chunk_bytes=SHARD_SIZE)
    for number, (name, content) in enumerate(samples):
        cache[number] = {"name": name, "image": content}
    cache.done()
    cache.merge()
    found = StreamingDataset(str(where))
    return lambda order: (found[index]["image"] for index in order)


def webdataset(samples: list[Sample], where: Path) -> Read:
    """WebDataset's tar files, in their order."""
    import webdataset as wds

    with wds.ShardWriter(f"{where}/%06d.tar", maxsize=SHARD_SIZE, verbose=0) as writer:
        for name, content in samples:
            writer.write({"__key__": name.removesuffix(".jpg"), "jpg": content})
    shards = sorted(map(str, where.glob("*.tar")))
    return lambda order: (
        one["jpg"] for one in wds.WebDataset(shards, shardshuffle=False, empty_check=False)
    )


LIBRARIES = (folder, mmresnet, streaming, litdata, webdataset)


def decode(content: bytes) -> np.ndarray:
    """Return an image of 224×224 pixels."""
    import cv2

    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return cv2.resize(image, (224, 224))


def cpu_time(call: Callable[[], object]) -> float:
    """Return the least CPU time of five calls, in seconds."""
    times = []
    for _ in range(5):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return min(times)


def measure(read: Read, samples: list[Sample]) -> dict[str, Any]:
    """Return CPU times per image, after checking that the images are right."""
    order = list(range(len(samples)))
    random.Random(1).shuffle(order)
    assert sorted(map(hash, read(order))) == sorted(hash(content) for _, content in samples)
    seconds = cpu_time(lambda: [None for _ in read(order)]) / len(order)
    few = order[:400]
    with_decoding = cpu_time(lambda: [decode(c) for c, _ in zip(read(few), few, strict=False)])
    return {
        "us_per_image": round(1e6 * seconds, 1),
        "images_per_second_decoded": round(len(few) / with_decoding),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }


def index_of_imagenet(where: Path) -> dict[str, Any]:
    """Return what an index of ImageNet's training images takes."""
    from mmresnet.datasets import index_files
    from mmresnet.datasets.shards.index import Row, ShardIndex, StoredFile, index_of

    count, per_shard = 1_281_167, 580
    paths = [f"train/n{number // 1282:08}/n{number:08}_00.JPEG" for number in range(count)]
    places = np.random.default_rng(0).permutation(count)
    rows = [Row(int(p) // per_shard, (int(p) % per_shard) * 110_000, 110_000, 1) for p in places]
    shards = [StoredFile(f"train-{n:05}.tar", 64_000_000, "0" * 64) for n in range(2209)]
    with open(where / "index", "wb") as file:
        index_files.write(file, index_of(paths, rows, shards, {}))
    del rows
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    index = ShardIndex.read(where / "index")
    opened = time.process_time() - started
    wanted = random.Random(0).sample(paths, 20_000)
    started = time.process_time()
    assert None not in [index.find(path) for path in wanted]
    found = (time.process_time() - started) / len(wanted)
    return {
        "file_mb": round((where / "index").stat().st_size / 1e6, 1),
        "open_ms": round(1e3 * opened, 1),
        "find_us": round(1e6 * found, 1),
        "further_memory_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3,
    }


def main() -> None:
    """Print the figures of one library as JSON."""
    names = [one.__name__ for one in LIBRARIES]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("library", choices=[*names, "index"])
    parser.add_argument("images", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as where:
        if args.library == "index":
            found = index_of_imagenet(Path(where))
        else:
            samples = images_of(args.images)
            read = LIBRARIES[names.index(args.library)](samples, Path(where))
            found = measure(read, samples)
    print(json.dumps({"library": args.library, **found}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
