"""Paths of images and annotations that may lie in shards: ``<data_root>/train/cat/1.jpg``."""

from __future__ import annotations

import io
import os
from typing import IO

from mmresnet.datasets.shards.index import INDEX
from mmresnet.datasets.shards.shard_set import ShardSet, open_set, opened
from mmresnet.datasets.shards.stores import SCHEME, is_address, store_at
from mmresnet.errors import ShardError, UserError


def find(path: str | os.PathLike[str]) -> tuple[ShardSet, str] | None:
    """Return the data set in shards that a path lies in, and the path below its root.

    None is the answer for a path on a drive with no index in its folder, nor in one above.

    Raises:
        UserError: It is an address, and there is no index at or above it.
    """
    text = os.fspath(path).rstrip("/")
    for root, known in opened().items():
        if text == root or text.startswith(f"{root}/"):
            return known, text[len(root) + 1 :]
    above = text
    while above and above != SCHEME.rstrip("/"):
        try:
            if store_at(above).version(INDEX) is not None:
                return open_set(above), text[len(above) + 1 :]
        except ShardError as error:
            raise UserError(str(error)) from error
        above = above.rpartition("/")[0]
    if is_address(text):
        raise UserError(
            f"There are no shards at '{text}', nor above it: there is no '{INDEX}'. mmresnet "
            "prepare … --shards writes them."
        )
    return None


def shards_of(folder: str | os.PathLike[str]) -> tuple[ShardSet, str] | None:
    """Return the shards that the images of a folder are in, and the folder below their root.

    None is the answer for a folder of images.

    Raises:
        UserError: As :func:`find`.
    """
    if os.path.isdir(folder) and not os.path.isfile(os.path.join(folder, INDEX)):
        return None
    return find(folder)


def local_file(path: str) -> str:
    """Return where on this machine a file such as annotations is: ``path`` unless in a store.

    Raises:
        UserError: The store does not have it, or cannot be read.
    """
    if not is_address(path):
        return path
    found = find(path)
    assert found is not None  # of an address
    shards, inside = found
    try:
        return shards.local_file(inside)
    except FileNotFoundError as error:
        raise UserError(f"There is no '{inside}' among the shards at '{shards.root}'.") from error
    except ShardError as error:
        raise UserError(str(error)) from error


def content(path: str | os.PathLike[str]) -> bytes | None:
    """Return the content of a file in shards, or None if ``path`` does not lie in any.

    Raises:
        FileNotFoundError: The shards do not have it.
        ShardError: It cannot be fetched, or has been changed or damaged.
    """
    found = find(path)
    return None if found is None else found[0].content(found[1])


def content_at(address: str) -> bytes:
    """Return the content of a file in a store, as :func:`content` does."""
    found = content(address)
    assert found is not None  # of an address
    return found


def openable(path: str | os.PathLike[str]) -> str | os.PathLike[str] | IO[bytes]:
    """Return what Pillow opens for the image at ``path``: a stream if it is in shards."""
    found = None if os.path.exists(path) else content(path)
    return path if found is None else io.BytesIO(found)
