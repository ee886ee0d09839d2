"""A progress bar of images, with the time left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from mmresnet.inference.sources import Source


@contextlib.contextmanager
def image_bar(sources: list[Source]) -> Iterator[Callable[[int], None] | None]:
    """Show the bar; yield a function that advances it, or None if stdout is not a terminal."""
    if not sys.stdout.isatty():
        yield None
        return
    from rich import progress

    with progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("time left"),
        progress.TimeRemainingColumn(),
    ) as bar:
        task = bar.add_task("images", total=sum(map(_length, sources)))
        yield lambda count: bar.advance(task, count)


def _length(source: Source) -> int:
    """Return the number of images in a source; for a video, that in its header."""
    if source.path is None or not source.is_video:
        return 1
    import cv2

    video = cv2.VideoCapture(source.path)
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    return max(frames, 1)
