"""Writing a folder of images as shards, to another folder or an object store."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmresnet.datasets.image_files import IMAGE_SUFFIXES, is_passed_over
from mmresnet.datasets.index_files import write
from mmresnet.datasets.resumable import JsonLines, explained
from mmresnet.datasets.shards.cache import Cache
from mmresnet.datasets.shards.index import INDEX, Row, StoredFile, index_of, sort_key
from mmresnet.datasets.shards.stores import Store, is_address, store_at
from mmresnet.errors import ShardError, UserError

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
_SETS = re.compile(r"(train|val|test|unlabeled|minival)[a-z0-9_-]*", re.IGNORECASE)
_MOST_FILES = 1000  # that are no images
_WORK = ".packing"  # hidden, so that no data set takes it for its own


@dataclass
class Packed:
    """What a destination holds.

    Attributes:
        images, shards, files, bytes: Of the data set; ``files`` are no images.
        kept: How many of the shards an earlier run has written.
    """

    images: int = 0
    shards: int = 0
    files: int = 0
    bytes: int = 0
    kept: int = 0


@dataclass
class _Plan:
    """The images of each shard, by its name, in their order there; and the other files."""

    shards: dict[str, list[tuple[str, int]]]
    files: list[str]
    identity: str


def pack(folder: Path, destination: str, shard_size: int, bar: Bar) -> Packed:
    """Write the images and annotations of a folder as shards, with their index.

    The images of each set (``train…``, ``val…``) lie in shards of their own, in an order that
    depends on their paths alone and is as good as random: so that a few shards at a time make
    mixed batches. A run that was interrupted goes on with the same call.

    Args:
        destination: A folder, or an address ``s3://bucket/folder``.
        shard_size: In bytes.
        bar: Called with a title and a number of bytes; it shows how many are done.

    Raises:
        UserError: There is no image or too many other files, ``destination`` is the folder itself,
            or cannot be written.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder '{folder}'.")
    if not is_address(destination) and Path(destination).resolve() == folder.resolve():
        raise UserError(f"'{folder}' holds the images: give another folder or address for shards.")
    plan, packed = _plan(folder, shard_size), Packed()
    store = store_at(destination)
    work = _work_folder(store, destination)
    try:
        with explained(work):
            work.mkdir(parents=True, exist_ok=True)
            journal = JsonLines(work / f"{plan.identity[:16]}.jsonl")
            try:
                _write(folder, plan, store, work, journal, packed, bar)
            finally:
                journal.close()
            shutil.rmtree(work)
    except ShardError as error:
        raise UserError(f"{error} The same command goes on where this one ended.") from error
    return packed


def _work_folder(store: Store, destination: str) -> Path:
    """Return the folder for what is being written, which a later run goes on from."""
    if is_address(destination):
        server = f"{os.environ.get('AWS_ENDPOINT_URL', '')}\0{store.root}"
        return Cache().folder / f"packing-{hashlib.sha256(server.encode()).hexdigest()[:16]}"
    return Path(destination) / _WORK


def _plan(folder: Path, shard_size: int) -> _Plan:
    images: list[tuple[str, int]] = []
    files: list[str] = []
    identity = hashlib.sha256(str(shard_size).encode())
    for path, status in sorted(_walk(folder), key=lambda one: one[0]):
        known = (path, status.st_size, status.st_mtime_ns)
        identity.update(repr(known).encode("utf-8", "surrogateescape"))
        if path.lower().endswith(IMAGE_SUFFIXES):
            images.append((path, status.st_size))
        else:
            files.append(path)
    if not images:
        raise UserError(f"There is no image in '{folder}'.")
    if len(files) > _MOST_FILES:
        raise UserError(
            f"'{folder}' holds {len(files):,} files that are no images (the first: '{files[0]}'): "
            "shards are for class folders and for sets in COCO's format."
        )
    images.sort(key=lambda one: hashlib.blake2b(os.fsencode(one[0]), digest_size=16).digest())
    return _Plan(dict(_shards(images, shard_size)), files, identity.hexdigest())


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                if is_passed_over(entry.name):
                    continue
                path = f"{inside}/{entry.name}" if inside else entry.name
                if entry.is_dir():
                    waiting.append(path)
                else:
                    yield path, entry.stat()


def _shards(
    images: Iterable[tuple[str, int]], shard_size: int
) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Yield names of shards and the images in them."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for image in images:
        first = image[0].split("/")[0]
        name = first if "/" in image[0] and _SETS.fullmatch(first) else "images"
        groups.setdefault(name, []).append(image)
    for name, members in sorted(groups.items()):
        number, taken = 0, 0
        shard: list[tuple[str, int]] = []
        for image in members:
            if shard and taken + image[1] > shard_size:
                yield f"{name}-{number:05}.tar", shard
                number, taken, shard = number + 1, 0, []
            shard.append(image)
            taken += image[1]
        yield f"{name}-{number:05}.tar", shard


def _write(
    folder: Path,
    plan: _Plan,
    store: Store,
    work: Path,
    journal: JsonLines,
    packed: Packed,
    bar: Bar,
) -> None:
    done = {one["shard"][0]: one for one in journal.values}
    rows: dict[str, Row] = {}
    shards: list[StoredFile] = []
    total = sum(size for members in plan.shards.values() for _, size in members)
    with bar("writing shards", total) as advance:
        for name, members in plan.shards.items():
            known = done.get(name)
            found = store.version(name) if known else None
            if known and found and found[1] == known["shard"][1]:
                packed.kept += 1
            else:
                known = _write_shard(folder, name, members, store, work)
                journal.add([known])
            for (path, size), (offset, checksum) in zip(members, known["places"], strict=True):
                rows[path] = Row(len(shards), offset, size, checksum)
            shards.append(StoredFile(*known["shard"]))
            advance(sum(size for _, size in members))
    files = {path: _store_file(folder / path, path, store, work) for path in plan.files}
    paths = sorted(rows, key=sort_key)
    with tempfile.NamedTemporaryFile(dir=work, delete=False) as file:
        write(file, index_of(paths, [rows[path] for path in paths], shards, files))
    os.chmod(file.name, 0o644)
    store.put(INDEX, Path(file.name))  # the last one: what it names is there
    packed.images, packed.shards, packed.files = len(paths), len(shards), len(files)
    packed.bytes = sum(one.size for one in (*shards, *files.values()))


def _write_shard(
    folder: Path, name: str, members: list[tuple[str, int]], store: Store, work: Path
) -> dict[str, Any]:
    """Write a shard, and return what the index needs of it."""
    places = []
    path = work / name
    with open(path, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        for member, size in members:
            content = (folder / member).read_bytes()
            if len(content) != size:
                raise UserError(f"'{folder / member}' has changed while it was read.")
            info = tarfile.TarInfo(member)  # without times and owners: the same bytes every time
            info.size = size
            header = info.tobuf(archive.format, archive.encoding, archive.errors)
            places.append((archive.offset + len(header), zlib.crc32(content)))
            archive.addfile(info, io.BytesIO(content))
    return {"shard": _put(path, name, store), "places": places}


def _store_file(source: Path, path: str, store: Store, work: Path) -> StoredFile:
    copy = work / "file"
    shutil.copyfile(source, copy)
    return _put(copy, path, store)


def _put(path: Path, name: str, store: Store) -> StoredFile:
    os.chmod(path, 0o644)
    checksum = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            checksum.update(part)
    size = path.stat().st_size
    store.put(name, path)
    path.unlink(missing_ok=True)
    return StoredFile(name, size, checksum.hexdigest())
