"""Images on their way into a model: read, and prepared as the recipe prepares its test set."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mmresnet.engine.loading import parts_of, test_dataset
from mmresnet.errors import UserError
from mmresnet.inference.sources import Source

if TYPE_CHECKING:
    import numpy as np
    from mmengine.config import Config

T = TypeVar("T")
# Data sets that hold their images in memory, in RGB and of one (width, height); the recipes for
# them load nothing.
_IN_MEMORY = {"CIFAR10": (32, 32), "CIFAR100": (32, 32)}


@dataclass
class Image:
    """An image or a frame of a video, and what the model is given of it.

    Attributes:
        pixels: (H, W, 3) uint8 in BGR, as it was read.
        data: What the recipe's test pipeline makes of it: ``inputs`` and ``data_samples``.
        frame: The number of the frame in its video, from 0.
        time: Its place in the video, in seconds.
        rate: The video's frames per second.
    """

    source: Source
    pixels: np.ndarray
    data: dict
    frame: int | None = None
    time: float | None = None
    rate: float | None = None


@dataclass
class Failure:
    """A file that could not be read, or not to its end."""

    path: str
    reason: str


class Reader:
    """Read sources and prepare them by the test pipeline of ``cfg``.

    Raises:
        UserError: The pipeline does not begin with loading an image file.
    """

    def __init__(self, cfg: Config) -> None:
        from mmcv.transforms import LoadImageFromFile
        from mmengine.registry import TRANSFORMS

        from mmresnet.config.preflight import check

        dataset = test_dataset(cfg)
        with check.explain_mistakes(cfg), parts_of(cfg):
            steps = [
                step if callable(step) else TRANSFORMS.build(step)
                for step in dataset["pipeline"]
                if not _name(step).startswith(("LoadAnnotations", "LoadPanopticAnnotations"))
            ]
        self._load, self._size = LoadImageFromFile(), _IN_MEMORY.get(_name(dataset))
        if steps and isinstance(steps[0], LoadImageFromFile):
            self._load, self._size = steps.pop(0), None
        elif self._size is None:
            raise UserError(
                "The test pipeline of the config does not begin with LoadImageFromFile, so that it "
                "is not known how its model wants an image to be loaded."
            )
        self._steps = steps

    def read(self, sources: Iterable[Source]) -> Iterator[Image | Failure]:
        """Yield the images of the sources, in their order."""
        for source in sources:
            if source.is_video:
                yield from self._read_video(source)
            elif source.array is not None:
                yield self._prepare(source, self._like_loaded(source.array))
            else:
                try:
                    loaded = self._load({"img_path": source.path})["img"]
                # OpenCV, Pillow and mmcv each refuse in their own way
                except Exception as error:
                    yield Failure(source.path, _reason(error))
                else:
                    yield self._prepare(source, loaded)

    def _read_video(self, source: Source) -> Iterator[Image | Failure]:
        import cv2

        video = cv2.VideoCapture(source.path)
        try:
            rate = video.get(cv2.CAP_PROP_FPS)
            rate = rate if rate > 0 else 25.0
            announced = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
            number = 0
            while True:
                there, pixels = video.read()
                if not there:
                    break
                time = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
                image = self._prepare(source, self._like_loaded(pixels))
                image.frame, image.time, image.rate = number, round(time, 3), rate
                yield image
                number += 1
        finally:
            video.release()
        if number == 0:
            yield Failure(source.path, "it is no video that OpenCV can decode, or it is empty")
        elif number < announced - 1:  # some formats only estimate how many there are
            yield Failure(source.path, f"it breaks off after {number} of {announced} frames")

    def _like_loaded(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (H, W, 3) uint8 in BGR into what the recipe's own loading would have returned."""
        import cv2
        import numpy as np

        if self._load.color_type.startswith("grayscale"):
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        return pixels.astype(np.float32) if self._load.to_float32 else pixels

    def _prepare(self, source: Source, loaded: np.ndarray) -> Image:
        import cv2

        pixels, given = _to_bgr(loaded), loaded
        if self._size:
            given = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            if given.shape[1::-1] != self._size:
                given = cv2.resize(given, self._size, interpolation=cv2.INTER_AREA)
        results: dict[str, Any] = {
            "img": given,
            "img_shape": given.shape[:2],
            "ori_shape": given.shape[:2],
            "img_path": source.path,
            "img_id": 0,
        }
        for step in self._steps:
            results = step(results)
        return Image(source, pixels, results)


def ahead(items: Iterator[T], depth: int) -> Iterator[T]:
    """Yield the items, made in a thread of their own that is up to ``depth`` items ahead."""
    waiting: queue.Queue = queue.Queue(depth)
    stopped = threading.Event()

    def put(kind: str, value: object) -> None:
        while not stopped.is_set():
            try:
                return waiting.put((kind, value), timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put("item", item)
                if stopped.is_set():
                    return
        except BaseException as error:
            put("error", error)
        else:
            put("end", None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        thread.join()


def _name(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else type(part)
    return kind.rpartition(".")[2] if isinstance(kind, str) else getattr(kind, "__name__", "")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return "it is no image that can be decoded"


def _to_bgr(pixels: np.ndarray) -> np.ndarray:
    """Turn what loading returned, of any number of channels, into (H, W, 3) uint8."""
    import numpy as np

    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return pixels[..., :3].clip(0, 255).astype(np.uint8)
