"""Read images and preprocess them as the recipe preprocesses its test set."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from mmresnet.config.walk import type_name
from mmresnet.engine.assembly import building
from mmresnet.errors import SampleError, UserError
from mmresnet.export.preparation import IN_MEMORY
from mmresnet.inference.sources import Source
from mmresnet.threads import serial_executor

if TYPE_CHECKING:
    import numpy as np
    from mmengine.config import Config
    from mmengine.dataset import Compose

T = TypeVar("T")


def test_dataset(cfg: Config) -> dict[str, Any]:
    """Return the settings of the set that the recipe is tested on, out of any wrapper.

    Raises:
        UserError: The config has none.
    """
    loader = cfg.get("test_dataloader") or cfg.get("val_dataloader") or {}
    dataset = loader.get("dataset") or {}
    while dataset and "pipeline" not in dataset and ("dataset" in dataset or "datasets" in dataset):
        dataset = dataset["dataset"] if "dataset" in dataset else dataset["datasets"][0]
    if "pipeline" not in dataset:
        raise UserError(
            "The config has no test_dataloader.dataset.pipeline, which defines how images are "
            "preprocessed: use the recipe that the checkpoint was trained with."
        )
    return dataset


@dataclass
class Image:
    """An image or a frame of a video, and the model's input made from it.

    Attributes:
        pixels: The original image, (H, W, 3) uint8 in BGR.
        data: The output of the recipe's test pipeline: ``inputs`` and ``data_samples``.
        frame: The number of the frame in its video, from 0; None for an image.
        time: The time of the frame in its video, in seconds.
        rate: The frame rate of the video, in frames per second.
    """

    source: Source
    pixels: np.ndarray
    data: dict[str, Any]
    frame: int | None = None
    time: float = 0.0
    rate: float = 0.0


@dataclass
class Failure:
    """A file that could not be read completely, and why."""

    path: str
    reason: str


class Reader:
    """Read sources and preprocess them with the test pipeline of ``cfg``.

    Args:
        threads: How many images are decoded and preprocessed at the same time.

    Raises:
        UserError: The pipeline does not begin with LoadImageFromFile.
    """

    def __init__(self, cfg: Config, threads: int = 1) -> None:
        from mmcv.transforms import LoadImageFromFile as AnyLoader
        from mmengine.dataset import Compose

        from mmresnet.datasets.loading import LoadImageFromFile, own_loader

        dataset = test_dataset(cfg)
        skipped = ("LoadAnnotations", "LoadPanopticAnnotations")
        steps = [step for step in dataset["pipeline"] if not type_name(step).startswith(skipped)]
        self._threads = threads
        # one for each thread, since a step may keep something between its methods
        self._pipelines: SimpleQueue[Compose] = SimpleQueue()
        self._load: AnyLoader = LoadImageFromFile()
        self._size = IN_MEMORY.get(type_name(dataset))
        for _ in range(threads):
            with building(cfg):
                pipeline = Compose(steps)
            if pipeline.transforms and isinstance(pipeline.transforms[0], AnyLoader):
                self._load, self._size = own_loader(pipeline.transforms.pop(0)), None
            elif self._size is None:
                raise UserError(
                    "The test pipeline of the config must begin with LoadImageFromFile, which "
                    "defines how images are loaded for the model."
                )
            self._pipelines.put(pipeline)

    def read(self, sources: Iterable[Source]) -> Generator[Image | Failure, None, None]:
        """Yield the images of the sources, in their order."""
        return run_in_threads(self._steps(sources), self._threads)

    def _steps(self, sources: Iterable[Source]) -> Iterator[Callable[[], Image | Failure]]:
        """Yield a function for each image, in order; the frames of a video are decoded here."""
        for source in sources:
            if source.array is not None:
                yield partial(self._read_array, source, source.array)
            elif source.path is not None and source.is_video:
                yield from self._read_video(source, source.path)
            elif source.path is not None:
                yield partial(self._read_image, source, source.path)

    def _read_array(self, source: Source, array: np.ndarray) -> Image:
        return self._preprocess(source, self._as_loaded(array))

    def _read_image(self, source: Source, path: str) -> Image | Failure:
        try:
            loaded = self._load({"img_path": path})["img"]
        except Exception as error:  # another package's loader raises any
            return Failure(path, _reason(error))
        return self._preprocess(source, loaded)

    def _read_video(self, source: Source, path: str) -> Iterator[Callable[[], Image | Failure]]:
        import cv2

        video = cv2.VideoCapture(path)
        try:
            rate = video.get(cv2.CAP_PROP_FPS)
            rate = rate if rate > 0 else 25.0
            expected = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
            number = 0
            while (read := video.read())[0]:
                time = round(video.get(cv2.CAP_PROP_POS_MSEC) / 1000, 3)
                yield partial(self._read_frame, source, read[1], number, time, rate)
                number += 1
        finally:
            video.release()
        if number == 0:
            reason = "OpenCV cannot decode it as a video, or it is empty"
            yield partial(Failure, path, reason)
        elif number < expected - 1:  # some formats only estimate the number of frames
            yield partial(Failure, path, f"it ends after {number} of {expected} frames")

    def _read_frame(
        self, source: Source, frame: np.ndarray, number: int, time: float, rate: float
    ) -> Image:
        image = self._read_array(source, frame)
        image.frame, image.time, image.rate = number, time, rate
        return image

    def _as_loaded(self, pixels: np.ndarray) -> np.ndarray:
        """Turn (H, W, 3) uint8 in BGR into what the recipe's LoadImageFromFile would return."""
        import cv2
        import numpy as np

        if self._load.color_type.startswith("grayscale"):
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        return pixels.astype(np.float32) if self._load.to_float32 else pixels

    def _preprocess(self, source: Source, loaded: np.ndarray) -> Image:
        import cv2

        pixels, img = _to_bgr(loaded), loaded
        if self._size:
            img = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            if img.shape[1::-1] != self._size:
                img = cv2.resize(img, self._size, interpolation=cv2.INTER_AREA)
        shapes = dict.fromkeys(("img_shape", "ori_shape"), img.shape[:2])
        pipeline = self._pipelines.get()
        try:
            data = pipeline({"img": img, "img_path": source.path, "img_id": 0, **shapes})
        finally:
            self._pipelines.put(pipeline)
        return Image(source, pixels, data)


def run_in_threads(steps: Iterable[Callable[[], T]], threads: int) -> Generator[T, None, None]:
    """Yield the results of ``steps`` in their order; ``2 * threads`` are started ahead."""
    with serial_executor(threads) as executor:
        pending: deque[Future[T]] = deque()
        try:
            for step in steps:
                pending.append(executor.submit(step))
                if len(pending) > 2 * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)


def prefetch(items: Iterator[T], depth: int) -> Generator[T, None, None]:
    """Yield the items, of which a thread computes up to ``depth`` ahead."""
    end: Any = object()
    executor = serial_executor(1)
    try:
        pending = deque(executor.submit(next, items, end) for _ in range(depth))
        while (item := pending.popleft().result()) is not end:
            pending.append(executor.submit(next, items, end))
            yield item
    finally:
        executor.shutdown(cancel_futures=True)


def _reason(error: Exception) -> str:
    if isinstance(error, SampleError):
        return error.reason
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return "it cannot be decoded as an image"


def _to_bgr(pixels: np.ndarray) -> np.ndarray:
    """Turn a loaded image, with any number of channels, into (H, W, 3) uint8."""
    import numpy as np

    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return pixels[..., :3].clip(0, 255).astype(np.uint8)
