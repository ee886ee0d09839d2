"""Where weights are downloaded from and where they are kept: addresses, mirrors, the cache."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from mmresnet.errors import UserError

HUB = "https://huggingface.co"


def cache_folder() -> Path:
    """Return the folder of downloads: ``MMRESNET_CACHE``, else torch.hub's checkpoints."""
    if folder := os.environ.get("MMRESNET_CACHE"):
        return Path(folder).expanduser()
    if torch := sys.modules.get("torch"):  # a program may have called torch.hub.set_dir
        return Path(torch.hub.get_dir()) / "checkpoints"
    default = os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch")
    return Path(os.environ.get("TORCH_HOME", default)).expanduser() / "hub" / "checkpoints"


def cache_path(url: str) -> Path:
    """Return the path in the cache of the file at ``url``.

    A name with the file's hash is directly in the folder, where torch.hub has it too. Others
    (``R-50.pkl``, ``model.safetensors``) are kept apart by their host and folders.

    Raises:
        UserError: It is not an address, or names no file.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UserError(f"'{url}' is not a valid address ({error}).") from error
    *folders, name = parts.path.split("/")
    if name in ("", ".", ".."):
        raise UserError(f"The address '{url}' names no file: give the address of the file itself.")
    if hash_in_name(name):
        return cache_folder() / name
    folders = [folder for folder in folders if folder not in ("", ".", "..")]
    if parts.query:
        folders.append(hashlib.sha256(parts.query.encode()).hexdigest()[:8])
    return cache_folder().joinpath(parts.netloc.replace(":", "_"), *folders, name)


def hash_in_name(name: str) -> str:
    """Return the SHA-256 in a file's name, or its first 8 digits; empty if there is none.

    ``resnet50-11ad3fa6.pth`` follows torch.hub's convention. ``model-20210320.pth`` has a date.
    """
    found = re.search(r"-([0-9a-f]{8}|[0-9a-f]{64})(\.[A-Za-z]\w*)+$", name)
    date = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
    return "" if found is None or re.fullmatch(date, found[1]) else found[1]


def offline() -> bool:
    """Return whether ``MMRESNET_OFFLINE`` forbids downloads."""
    return os.environ.get("MMRESNET_OFFLINE", "").lower() not in ("", "0", "false", "no")


def mirrored(url: str) -> str:
    """Return the address to use instead of ``url``, by ``MMRESNET_MIRROR`` and ``HF_ENDPOINT``.

    Raises:
        UserError: ``MMRESNET_MIRROR`` is not a list of pairs of addresses.
    """
    mirrors = {HUB: os.environ.get("HF_ENDPOINT") or HUB}
    for pair in filter(None, re.split(r"[,\s]+", os.environ.get("MMRESNET_MIRROR", ""))):
        found = re.fullmatch(r"(https?://[^=]+)=(https?://.+)", pair)
        if found is None:
            raise UserError(
                f"MMRESNET_MIRROR contains '{pair}', but takes pairs such as 'https://download."
                "pytorch.org=https://mirror.example/pytorch', separated by commas."
            )
        mirrors[found[1].rstrip("/")] = found[2]
    for original in sorted(mirrors, key=len, reverse=True):
        if url == original or url.startswith(f"{original}/"):
            return mirrors[original].rstrip("/") + url[len(original) :]
    return url
