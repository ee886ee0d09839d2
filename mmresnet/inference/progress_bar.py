"""A bar of the images done and the time left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from mmresnet.inference.sources import Source


@contextlib.contextmanager
def image_bar(sources: list[Source]) -> Iterator[Callable[[int], None] | None]:
    """Show the bar; yield what advances it, or None where standard output is no terminal."""
    if not sys.stdout.isatty():
        yield None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("time left"), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns) as bar:
        task = bar.add_task("images", total=sum(map(_length, sources)))
        yield lambda count: bar.advance(task, count)


def _length(source: Source) -> int:
    """Return the number of images in a source: of a video, what its header announces."""
    if not source.is_video:
        return 1
    import cv2

    video = cv2.VideoCapture(source.path)
    announced = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    return max(announced, 1)
