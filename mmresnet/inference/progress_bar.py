"""Progress bars of images, with the time left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from mmresnet.inference.sources import Source


@contextlib.contextmanager
def progress_bar(
    name: str, total: int, transient: bool = False
) -> Iterator[Callable[[int], None] | None]:
    """Show a bar; yield a function that advances it, or None if stdout is not a terminal."""
    if not sys.stdout.isatty():
        yield None
        return
    from rich.progress import Progress

    from mmresnet.engine.progress import columns

    with Progress(*columns(), transient=transient) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.advance(task, count)


def image_bar(
    sources: list[Source],
) -> contextlib.AbstractContextManager[Callable[[int], None] | None]:
    """Show the bar of the images in ``sources``."""
    return progress_bar("images", count_images(sources) if sys.stdout.isatty() else 0)


def count_images(sources: list[Source]) -> int:
    """Return the number of images in sources; of a video, that of frames in its header."""
    return sum(map(_length, sources))


def _length(source: Source) -> int:
    if source.path is None or not source.is_video:
        return 1
    import cv2

    video = cv2.VideoCapture(source.path)
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    return max(frames, 1)
