"""Public weights as verified local files.

A file appears under its name only when it is complete, is a file of weights, and has the hash that
its publisher gives. Until then it is called ``….part``, and the next call resumes it. Nothing in it
is unpickled or run here. ``docs/weights.md`` lists the environment variables.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import re
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from mmresnet.errors import UserError
from mmresnet.weights.formats.detect import HEAD_SIZE, FormatError, detect_format
from mmresnet.weights.hub import addresses, catalogue, transfer

HUB_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
HUB_SETTINGS = ("config.json", "preprocessor_config.json")


class FileNotOnServerError(UserError):
    """The server answers that there is no such file."""


def fetch(source: str) -> Path:
    """Return the local file of public weights; it is downloaded if the cache does not have it.

    Args:
        source: A name of the catalogue (``torchvision://resnet50``), ``hf://org/name[/file]``, or
            an address.

    Raises:
        UserError: It cannot be downloaded; why, and what to do.
    """
    weights, settings = _addresses(source)
    cached = [url for url in weights if addresses.cache_path(url).is_file()]
    if cached or addresses.offline():
        return _fetch((cached or weights)[0])
    for url in settings:  # before the weights, which are never without them then
        with contextlib.suppress(FileNotOnServerError):  # not every repository has both
            _fetch(url)
    for url in weights:
        try:
            return _fetch(url)
        except FileNotOnServerError:
            if len(weights) == 1:
                raise
    raise UserError(
        f"The repository '{source}' has neither {' nor '.join(HUB_WEIGHTS)}: name its file of "
        f"weights, as {source}/FILE."
    )


def local_file(source: str) -> Path | None:
    """Return the file that :func:`fetch` would return without a download, if there is one."""
    return next(filter(Path.is_file, map(addresses.cache_path, _addresses(source)[0])), None)


def _addresses(source: str) -> tuple[list[str], list[str]]:
    """Return where the weights may be, the preferred one first, and the settings beside them."""
    is_address = source.startswith(("hf://", "http://", "https://"))
    url = source if is_address else catalogue.get(source).url
    if not url.startswith("hf://"):
        return [url], []
    found = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:/((?:[\w.-]+/)*)([\w.-]+))?/?", url)
    if found is None or ".." in url:
        raise UserError(f"'{url}' is not of the form hf://organization/name or …/name/file.")
    folder = f"{addresses.HUB}/{found[1]}/resolve/main/{found[2] or ''}"
    names = [found[3]] if found[3] else HUB_WEIGHTS
    return [folder + name for name in names], [folder + name for name in HUB_SETTINGS]


def _fetch(url: str) -> Path:
    path, entry = addresses.cache_path(url), catalogue.find(url)
    sha256 = (entry.sha256 if entry else "") or addresses.hash_in_name(path.name)
    if path.is_file():
        if problem := _problem(path, sha256):
            raise UserError(f"The file {path} {problem} Delete it to download it again.")
        return path
    if addresses.offline():
        raise UserError(
            f"MMRESNET_OFFLINE is set, and {path} does not exist: download {url} on another "
            "machine and copy it there."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))  # it ends with the process
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            print(f"{path.name}: another process is downloading it; waiting", file=sys.stderr)
            held = lock.acquire()
        with held:
            if not path.is_file():
                _download(url, path, sha256)
    except OSError as error:
        raise UserError(
            f"The folder {path.parent} cannot be written ({error}): set MMRESNET_CACHE to another."
        ) from error
    return path


def _download(url: str, path: Path, sha256: str) -> None:
    """Download a file, verify it, and give it its name."""
    asked = addresses.mirrored(url)
    described = url if asked == url else f"{url} (from {asked})"
    print(f"{path.name}: downloading {asked} to {path.parent}", file=sys.stderr)
    try:
        etag, sha256_on_server = transfer.read_headers(asked)
        sha256 = sha256 or sha256_on_server
        headers = {"Accept-Encoding": "identity"}  # a compressed file has other positions
        if not sha256:  # else the hash shows whether the parts are of one file
            headers["If-Range"] = f'"{etag}"'
        version = hashlib.sha256((sha256 or etag).encode()).hexdigest()[:8]
        part = path.with_name(f"{path.name}.{version}.part")
        if not (sha256 or etag):
            part.unlink(missing_ok=True)
        for _ in range(2):  # again if the parts that it was resumed from do not belong together
            transfer.receive(asked, part, headers)
            problem = _problem(part, sha256)
            if problem is None:
                break
            part.unlink()
    except transfer.TransferError as error:
        kind = FileNotOnServerError if error.status == 404 else UserError
        raise kind(
            f"{described} could not be downloaded: {error}. Or download it manually to {path}."
        ) from error
    if problem:
        raise UserError(
            f"The file from {described} {problem} It was deleted; if you trust another source, "
            f"download it manually to {path}."
        )
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)
    for outdated in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        outdated.unlink()


def _problem(path: Path, sha256: str) -> str | None:
    """Return why a file is not what its name and hash say, as a clause; None if it is."""
    try:
        if path.name.startswith(HUB_SETTINGS):
            json.loads(path.read_text("utf-8"))
        else:
            with path.open("rb") as file:
                detect_format(file.read(HEAD_SIZE))
    except FormatError as error:
        return str(error)
    except ValueError:
        return "is not a JSON file."
    found = digest(path)
    if found.startswith(sha256):
        return None
    return f"is not the published one: its SHA-256 is {found[:8]}… instead of {sha256[:8]}…."


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in 64 digits."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()
