"""Public weights as verified local files.

A file appears under its name only when it is complete, is a file of weights, and has the hash that
its publisher gives. Until then it is called ``….part``, and the next call resumes it. Nothing in it
is unpickled or run here. Environment variables:

- ``MMRESNET_CACHE``: the folder of the files (default: torch.hub's checkpoints).
- ``MMRESNET_OFFLINE=1``: download nothing.
- ``MMRESNET_MIRROR``: addresses to use instead of others,
  ``https://download.pytorch.org=https://mirror.example/pytorch``, several separated by commas.
- ``HF_ENDPOINT``: the address to use instead of https://huggingface.co.
- Those of huggingface_hub, such as ``HF_HUB_DOWNLOAD_TIMEOUT``: seconds without a byte.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mmresnet.errors import UserError
from mmresnet.weights.formats.detect import HEAD_SIZE, FormatError, detect_format
from mmresnet.weights.hub import catalogue, transfer
from mmresnet.weights.hub.addresses import (
    cache_folder,
    cache_path,
    hash_in_name,
    mirrored,
    offline,
    split_hub_name,
)

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
    if local_file(source) is None and not offline():
        for url in settings:  # before the weights, which are never without them then
            with contextlib.suppress(FileNotOnServerError):  # not every repository has both
                _fetch(url, _problem_of_settings)
    missing = None
    for url in sorted(weights, key=lambda url: not cache_path(url).is_file()):
        try:
            return _fetch(url, _problem_of_weights)
        except FileNotOnServerError as error:
            missing = error
    if len(weights) == 1:
        raise missing
    raise UserError(
        f"The repository '{source}' has neither {' nor '.join(HUB_WEIGHTS)}: name its file of "
        f"weights, as {source}/FILE."
    )


def local_file(source: str) -> Path | None:
    """Return the file that :func:`fetch` would return without a download, if there is one."""
    paths = map(cache_path, _addresses(source)[0])
    return next((path for path in paths if path.is_file()), None)


def _addresses(source: str) -> tuple[list[str], list[str]]:
    """Return where the weights may be, and the settings beside them."""
    known = source.startswith(("hf://", "http://", "https://"))
    url = source if known else catalogue.get(source).url
    if not url.startswith("hf://"):
        return [url], []
    folder, name = split_hub_name(url)
    names = [name] if name else HUB_WEIGHTS
    return [folder + name for name in names], [folder + name for name in HUB_SETTINGS]


def _fetch(url: str, problem_of: Callable[[Path], str]) -> Path:
    path, entry = cache_path(url), catalogue.find(url)
    sha256 = (entry.sha256 if entry else "") or hash_in_name(path.name)
    if path.is_file():
        if problem := _problem_of_hash(path, sha256):
            raise UserError(f"The file {path} {problem} Delete it to download it again.")
        return path
    if offline():
        raise UserError(
            f"MMRESNET_OFFLINE is set, and {path.name} is not in the cache {cache_folder()}: "
            f"download {url} on another machine and copy it to {path}."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            if not path.is_file():
                _download(url, path, sha256, problem_of)
    except OSError as error:
        raise UserError(
            f"The cache {path.parent} cannot be used ({error}): set MMRESNET_CACHE to a folder that "
            "can be written."
        ) from error
    return path


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time download ``path``; the lock ends with the process."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        transfer.say(path.name, "another process is downloading it; waiting")
        lock.acquire()
    with lock:
        lock.release()
        yield


def _download(url: str, path: Path, sha256: str, problem_of: Callable[[Path], str]) -> None:
    """Download a file, verify it, and give it its name."""
    asked = mirrored(url)
    described = url if asked == url else f"{url} (from {asked})"
    manually = f"download it manually to {path}"
    transfer.say(path.name, f"downloading {asked} to {path.parent}")
    try:
        etag, sha256_on_hub, size = transfer.read_headers(asked)
        sha256 = sha256 or sha256_on_hub
        headers = {"Accept-Encoding": "identity"}  # compressed, the bytes have other positions
        if not sha256:  # else the hash shows whether the parts are of the same file
            headers["If-Range"] = f'"{etag}"'
        version = hashlib.sha256((sha256 or etag).encode()).hexdigest()[:8]
        part = path.with_name(f"{path.name}.{version}.part")
        if not (sha256 or etag):
            part.unlink(missing_ok=True)
        while True:
            resumed = transfer.receive(asked, part, path.name, headers, size)
            problem = problem_of(part) or _problem_of_hash(part, sha256)
            if not problem:
                break
            part.unlink()
            if not resumed:
                raise UserError(
                    f"The file from {described} {problem} It was deleted; if you trust another "
                    f"source, {manually}."
                )
            transfer.say(path.name, "the resumed file is not the published one; starting over")
    except transfer.TransferError as error:
        kind = FileNotOnServerError if error.status == 404 else UserError
        raise kind(f"{described} could not be downloaded: {error}. Or {manually}.") from error
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)
    for outdated in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        outdated.unlink()


def _problem_of_hash(path: Path, sha256: str) -> str:
    found = digest(path)
    if found.startswith(sha256):
        return ""
    return f"is not the published one: its SHA-256 is {found[:8]}… instead of {sha256[:8]}…."


def _problem_of_weights(path: Path) -> str:
    try:
        with path.open("rb") as file:
            detect_format(file.read(HEAD_SIZE), path.stat().st_size)
    except FormatError as error:
        return str(error)
    return ""


def _problem_of_settings(path: Path) -> str:
    try:
        return "" if isinstance(json.loads(path.read_text("utf-8")), dict) else "is not settings."
    except ValueError:
        return "is not a JSON file."


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in 64 digits."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()
