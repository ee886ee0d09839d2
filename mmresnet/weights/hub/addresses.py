"""Where weights come from and where they lie: addresses, mirrors, the cache."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from mmresnet.errors import UserError

HUB = "https://huggingface.co"
_MIRROR = re.compile(r"(https?://[^=\s]+)=(https?://\S+)")


def cache_folder() -> Path:
    """Return where fetched weights lie: ``MMRESNET_CACHE``, else torch.hub's checkpoints."""
    own = os.environ.get("MMRESNET_CACHE")
    if own:
        return Path(own).expanduser()
    torch = sys.modules.get("torch")  # a program may have called torch.hub.set_dir
    if torch is not None:
        return Path(torch.hub.get_dir()) / "checkpoints"
    default = os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch")
    return Path(os.environ.get("TORCH_HOME", default)).expanduser() / "hub" / "checkpoints"


def place(url: str) -> Path:
    """Return the file in the cache that belongs to an address.

    A name that carries the file's hash stands alone, where torch.hub would have it too. Others
    (``R-50.pkl``, ``model.safetensors``) are kept apart by the host and folders they come from.

    Raises:
        UserError: It is no address, or names no file.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UserError(f"'{url}' is no address ({error}).") from error
    *folders, name = parts.path.split("/")
    if name in ("", ".", ".."):
        raise UserError(
            f"The address '{url}' ends in no file's name: give that of the file itself."
        )
    if hash_in_name(name):
        return cache_folder() / name
    folders = [folder for folder in folders if folder not in ("", ".", "..")]
    if parts.query:
        folders.append(hashlib.sha256(parts.query.encode()).hexdigest()[:8])
    return cache_folder().joinpath(parts.netloc.replace(":", "_"), *folders, name)


def hash_in_name(name: str) -> str:
    """Return the SHA-256 that a file's name carries, or its first 8 digits; empty for none.

    ``resnet50-11ad3fa6.pth`` is torch.hub's convention. ``model-20210320.pth`` tells a day.
    """
    found = re.search(r"-([0-9a-f]{8}|[0-9a-f]{64})(\.[A-Za-z]\w*)+$", name)
    day = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
    return "" if found is None or re.fullmatch(day, found[1]) else found[1]


def offline() -> bool:
    """Tell whether ``MMRESNET_OFFLINE`` forbids to ask any server."""
    return os.environ.get("MMRESNET_OFFLINE", "").lower() not in ("", "0", "false", "no")


def mirrored(url: str) -> str:
    """Return the address that is asked instead of ``url``, by ``MMRESNET_MIRROR``, ``HF_ENDPOINT``.

    Raises:
        UserError: ``MMRESNET_MIRROR`` is no list of pairs of addresses.
    """
    pairs = []
    if os.environ.get("HF_ENDPOINT"):
        pairs.append((HUB, os.environ["HF_ENDPOINT"]))
    for pair in filter(None, re.split(r"[,\s]+", os.environ.get("MMRESNET_MIRROR", ""))):
        found = _MIRROR.fullmatch(pair)
        if found is None:
            raise UserError(
                f"MMRESNET_MIRROR holds '{pair}', and takes pairs such as "
                "'https://download.pytorch.org=https://mirror.example/pytorch', separated by "
                "commas."
            )
        pairs.append((found[1], found[2]))
    for original, mirror in sorted(pairs, key=lambda pair: -len(pair[0])):
        original = original.rstrip("/")
        if url == original or url.startswith(f"{original}/"):
            return mirror.rstrip("/") + url[len(original) :]
    return url


def of_hub(source: str) -> tuple[str, str]:
    """Split ``hf://org/name[/file]`` into the address of the folder and the file, maybe empty.

    Raises:
        UserError: It is not of that form.
    """
    found = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:/((?:[\w.-]+/)*)([\w.-]+))?/?", source)
    if found is None or ".." in source:
        raise UserError(f"'{source}' is not of the form hf://organization/name or …/name/file.")
    return f"{HUB}/{found[1]}/resolve/main/{found[2] or ''}", found[3] or ""
