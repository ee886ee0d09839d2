"""What the tests of a small data set in shards share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmresnet.datasets.shards.shard_set import ShardSet

ADDRESS = "s3://bucket/some/set"
SHARD_SIZE = 6000  # bytes: about ten shards


@contextmanager
def no_bar(title: str, total: int) -> Iterator[object]:
    yield lambda count: None


def contents(images: Path) -> dict[str, bytes]:
    """Return the images of a folder, by their paths in it."""
    files = (path for path in images.rglob("*") if path.suffix == ".png")
    return {str(path.relative_to(images)): path.read_bytes() for path in files}


def read_all(found: ShardSet) -> dict[str, bytes]:
    """Return all images of a set, by their paths."""
    paths = [found.index.path(row) for row in range(len(found.index))]
    return {path: found.content(path) for path in paths}
