"""Public weights as verified local files.

A file appears under its name only when it is whole, is no web page, and has the hash that its
publisher tells. Until then it is called ``….part``, and a later download goes on with it. Nothing
in it is unpickled or run here. The environment sets:

- ``MMRESNET_CACHE``: the folder that files are kept in (torch.hub's checkpoints).
- ``MMRESNET_OFFLINE=1``: no server is asked.
- ``MMRESNET_MIRROR``: addresses to ask instead of others,
  ``https://download.pytorch.org=https://mirror.example/pytorch``, several separated by commas.
- ``HF_ENDPOINT``: the address to ask instead of https://huggingface.co.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mmresnet.errors import UserError
from mmresnet.weights.formats import kinds
from mmresnet.weights.hub import catalogue
from mmresnet.weights.hub.addresses import (
    cache_folder,
    hash_in_name,
    mirrored,
    of_hub,
    offline,
    place,
)
from mmresnet.weights.hub.progress import Progress
from mmresnet.weights.hub.remote import TransferError
from mmresnet.weights.hub.transfer import Transfer

HUB_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
HUB_SETTINGS = ("config.json", "preprocessor_config.json")


class MissingError(UserError):
    """The server answers that there is no such file."""


def fetch(source: str, *, timeout: float = 30.0, retries: int = 5, pause: float = 1.0) -> Path:
    """Return the local file of public weights, fetched if the cache has it not yet.

    Args:
        source: A name of the catalogue (``torchvision://resnet50``), ``hf://org/name[/file]``, or
            an address.
        timeout: Seconds without a byte after which a connection is given up.
        retries: Connections in a row that may fail before giving up.
        pause: Seconds before the second connection; doubled for each one after.

    Raises:
        UserError: It cannot be had; why, and what to do.
    """
    limits = (timeout, retries, pause)
    if source.startswith(("hf://", "http://", "https://")):
        url, entry = source, catalogue.find(source)
    else:
        entry = catalogue.get(source)
        url = entry.url
    if url.startswith("hf://"):
        return _fetch_from_hub(url, limits)
    return _fetch_file(url, limits, sha256=entry.sha256 if entry else "")


def local_file(source: str) -> Path | None:
    """Return the file that :func:`fetch` would return without asking a server, if there is one."""
    entry = None if source.startswith("hf://") else catalogue.find(source)
    url = entry.url if entry else source
    if url.startswith("hf://"):
        folder, name = of_hub(url)
        paths = [place(folder + name) for name in ([name] if name else HUB_WEIGHTS)]
    else:
        paths = [place(url)]
    return next((path for path in paths if path.is_file()), None)


def _fetch_from_hub(source: str, limits: tuple) -> Path:
    folder, name = of_hub(source)
    names = [name] if name else HUB_WEIGHTS
    for name in names:
        if place(folder + name).is_file():
            return _fetch_file(folder + name, limits)
    if offline():
        raise _offline(source, folder + names[0])
    for setting in HUB_SETTINGS:  # before the weights: who has these has those
        with contextlib.suppress(MissingError):  # not every repository has both
            _fetch_file(folder + setting, limits, check=_check_settings)
    for name in names:
        try:
            return _fetch_file(folder + name, limits)
        except MissingError as error:
            missing = error
    if len(names) == 1:
        raise missing
    raise UserError(
        f"The repository '{source}' has neither {' nor '.join(names)} (404): name its file of "
        f"weights, as {source}/FILE."
    )


def _fetch_file(
    url: str, limits: tuple, sha256: str = "", check: Callable[[Path], None] | None = None
) -> Path:
    path = place(url)
    sha256 = sha256 or hash_in_name(path.name)
    if path.is_file():
        if not digest(path).startswith(sha256):
            raise UserError(
                f"The file {path} is not the one that its name stands for: its SHA-256 begins with "
                f"{digest(path)[:8]} instead of {sha256[:8]}. Delete it, and it is fetched anew."
            )
        return path
    if offline():
        raise _offline(path.name, url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            if not path.is_file():
                _transfer(url, path, limits, sha256, check or _check_weights)
    except OSError as error:
        raise UserError(
            f"{url} cannot be kept in {path.parent} ({error.strerror or error}): set "
            "MMRESNET_CACHE to a folder that can be written."
        ) from error
    return path


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time fetch a file. The lock ends with its process, also a killed one."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        Progress(path.name).say("another process fetches it; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _transfer(
    url: str, path: Path, limits: tuple, sha256: str, check: Callable[[Path], None]
) -> None:
    """Fetch a file, hold it against what is known of it, and give it its name."""
    asked = mirrored(url)
    told = url if asked == url else f"{url} (asked at {asked})"
    by_hand = f"fetch it by hand to {path}"
    part = path.with_name(f"{path.name}.part")
    transfer = Transfer(asked, part, *limits)
    progress = Progress(path.name)
    progress.say(f"fetching {asked} to {path.parent}")
    try:
        while True:
            remote = transfer.run(progress)
            problem = _problem(part, sha256 or remote.sha256, check)
            if problem is None:
                break
            transfer.discard()
            if not transfer.resumed:
                raise UserError(
                    f"What {told} gave {problem} It was thrown away; if you trust another source, "
                    f"{by_hand}."
                )
            progress.say("the pieces do not fit together; starting over")
    except TransferError as error:
        kind = MissingError if error.status == 404 else UserError
        raise kind(f"{told} could not be fetched: {error}. Or {by_hand}.") from error
    finally:
        progress.close()
    transfer.publish(path)


def _problem(part: Path, sha256: str, check: Callable[[Path], None]) -> str | None:
    """Return what is wrong with a file that has come, as the end of a sentence."""
    try:
        check(part)
    except kinds.UnfitError as error:
        return str(error)
    found = digest(part)
    if found.startswith(sha256):
        return None
    return f"is not the file that was published: SHA-256 {found[:8]}… instead of {sha256[:8]}…."


def _check_weights(path: Path) -> None:
    with path.open("rb") as file:
        kinds.recognise(file.read(kinds.HEAD), path.stat().st_size)


def _check_settings(path: Path) -> None:
    try:
        settings = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise kinds.UnfitError("is no JSON file.") from error
    if not isinstance(settings, dict):
        raise kinds.UnfitError("is no JSON file of settings by name.")


def _offline(name: str, url: str) -> UserError:
    return UserError(
        f"MMRESNET_OFFLINE is set, and {name} is not in the cache {cache_folder()}: fetch {url} "
        f"on another machine and put it at {place(url)}."
    )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in 64 digits."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()
