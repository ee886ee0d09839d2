"""``s3://`` in the data sets of mmpretrain and mmdet, which go through mmengine's file backends.

mmengine gives ``s3://`` to Petrel, whose client is not public. With that client it keeps it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from mmengine.fileio import BaseStorageBackend, register_backend

from mmresnet.datasets.shards.paths import content_at, find, local_file


class ShardsBackend(BaseStorageBackend):
    """Files in shards, by their addresses."""

    def get(self, filepath: str) -> bytes:
        """Return the content of a file."""
        return content_at(filepath)

    def get_text(self, filepath: str, encoding: str = "utf-8") -> str:
        """Return the content of a text file."""
        return self.get(filepath).decode(encoding)

    def exists(self, filepath: str) -> bool:
        """Return whether there is such a file."""
        found = find(filepath)
        return found is not None and found[0].holds(found[1])

    isfile = exists

    @contextlib.contextmanager
    def get_local_path(self, filepath: str) -> Iterator[str]:
        """Yield where on this machine a file that is no image is."""
        yield local_file(filepath)

    def join_path(self, filepath: str, *filepaths: str) -> str:
        """Return ``filepath/…``."""
        return "/".join([filepath.rstrip("/"), *(str(Path(one)) for one in filepaths if one)])


if find_spec("petrel_client") is None:
    register_backend("mmresnet.shards", ShardsBackend, prefixes="s3", force=True)
