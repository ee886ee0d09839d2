"""Read images and preprocess them as the recipe preprocesses its test set."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mmresnet.config.walk import type_name
from mmresnet.engine.assembly import building
from mmresnet.errors import SampleError, UserError
from mmresnet.inference.sources import Source

if TYPE_CHECKING:
    import numpy as np
    from mmengine.config import Config

T = TypeVar("T")
# Data sets that hold their images, RGB of this (width, height), in memory; the pipelines of their
# recipes do not load files.
_IN_MEMORY = {"CIFAR10": (32, 32), "CIFAR100": (32, 32)}


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

    Raises:
        UserError: The pipeline does not begin with LoadImageFromFile.
    """

    def __init__(self, cfg: Config) -> None:
        from mmcv.transforms import LoadImageFromFile as AnyLoader
        from mmengine.dataset import Compose

        from mmresnet.datasets.loading import LoadImageFromFile, own_loader

        dataset = test_dataset(cfg)
        skipped = ("LoadAnnotations", "LoadPanopticAnnotations")
        steps = [step for step in dataset["pipeline"] if not type_name(step).startswith(skipped)]
        with building(cfg):
            self._pipeline = Compose(steps)
        steps = self._pipeline.transforms
        self._load: AnyLoader = LoadImageFromFile()
        self._size = _IN_MEMORY.get(type_name(dataset))
        if steps and isinstance(steps[0], AnyLoader):
            self._load, self._size = own_loader(steps.pop(0)), None
        elif self._size is None:
            raise UserError(
                "The test pipeline of the config must begin with LoadImageFromFile, which defines "
                "how images are loaded for the model."
            )

    def read(self, sources: Iterable[Source]) -> Iterator[Image | Failure]:
        """Yield the images of the sources, in their order."""
        for source in sources:
            if source.array is not None:
                yield self._preprocess(source, self._as_loaded(source.array))
            elif source.path is not None:
                read_file = self._read_video if source.is_video else self._read_image
                yield from read_file(source, source.path)

    def _read_image(self, source: Source, path: str) -> Iterator[Image | Failure]:
        try:
            loaded = self._load({"img_path": path})["img"]
        except Exception as error:  # another package's loader raises any
            yield Failure(path, _reason(error))
        else:
            yield self._preprocess(source, loaded)

    def _read_video(self, source: Source, path: str) -> Iterator[Image | Failure]:
        import cv2

        video = cv2.VideoCapture(path)
        try:
            rate = video.get(cv2.CAP_PROP_FPS)
            rate = rate if rate > 0 else 25.0
            expected = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
            number = 0
            while (read := video.read())[0]:
                time = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
                image = self._preprocess(source, self._as_loaded(read[1]))
                image.frame, image.time, image.rate = number, round(time, 3), rate
                yield image
                number += 1
        finally:
            video.release()
        if number == 0:
            yield Failure(path, "OpenCV cannot decode it as a video, or it is empty")
        elif number < expected - 1:  # some formats only estimate the number of frames
            yield Failure(path, f"it ends after {number} of {expected} frames")

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
        data = self._pipeline({"img": img, "img_path": source.path, "img_id": 0, **shapes})
        return Image(source, pixels, data)


def prefetch(items: Iterator[T], depth: int) -> Generator[T, None, None]:
    """Yield the items, of which a thread computes up to ``depth`` ahead."""
    end: Any = object()
    executor = ThreadPoolExecutor(max_workers=1)
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
