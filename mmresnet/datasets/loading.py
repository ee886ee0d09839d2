"""Loading of images that says which file is bad, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile as StockLoader
from mmengine import fileio

from mmresnet.datasets.decoding import MAX_PIXELS, Undecodable, decode
from mmresnet.datasets.shards.paths import content as content_in_shards
from mmresnet.datasets.shards.paths import content_at
from mmresnet.datasets.shards.stores import is_address
from mmresnet.errors import SampleError
from mmresnet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageFromFile(StockLoader):
    """mmcv's ``LoadImageFromFile``, equal on intact images of 8 bits; docs/data.md lists the rest.

    Where the data set gives an image's ``height`` and ``width``, as COCO's annotations do, another
    size is an error: boxes would lie elsewhere.

    Args:
        max_pixels: Images of more pixels are refused before they are decoded; None allows any.
        scaled_decoding: Directly before mmpretrain's ``RandomResizedCrop``, large JPEG files are
            decoded at a half, a quarter or an eighth of their size where the crop stays at least
            as large as its output; see :class:`mmresnet.datasets.crop_loading.LoadResizedCrop`.
        args, kwargs: mmcv's.

    Raises:
        SampleError: The file cannot be read or decoded; with its path and the reason.
    """

    def __init__(
        self,
        *args: Any,
        max_pixels: int | None = MAX_PIXELS,
        scaled_decoding: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.max_pixels, self.scaled_decoding = max_pixels, scaled_decoding

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Add ``img`` (H, W, 3), in BGR, ``img_shape`` and ``ori_shape`` to ``results``."""
        path = results["img_path"]
        try:
            image = self.load(path)
        except SampleError:
            if self.ignore_empty:
                return None
            raise
        check_size(results, *image.shape[:2])
        return self.fill(results, image)

    def load(self, path: str) -> np.ndarray:
        """Return the image in a file, (H, W, 3) uint8 in BGR unless ``color_type`` says otherwise.

        Raises:
            SampleError: It cannot be read or decoded.
        """
        return self.decode(self.read(path), path)

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            SampleError: There is no such file, or no permission.
            ShardError: It is in a shard that cannot be fetched, or is damaged.
        """
        try:
            if self.file_client_args is None and self.backend_args is None:
                if is_address(path):
                    return content_at(path)
                if "://" not in str(path):
                    return _content(path)
            if self.file_client_args is not None:
                return fileio.FileClient.infer_client(self.file_client_args, path).get(path)
            return fileio.get(path, backend_args=self.backend_args)
        except OSError as error:
            if not error.strerror:
                raise
            raise unusable(path, error.strerror[0].lower() + error.strerror[1:]) from error

    def decode(self, content: bytes, path: str) -> np.ndarray:
        """Return the image in the content of the file ``path``, as :meth:`load` does."""
        try:
            return decode(content, self.color_type, self.imdecode_backend, self.max_pixels)
        except Undecodable as error:
            raise unusable(path, str(error)) from error

    def fill(self, results: dict[str, Any], image: np.ndarray) -> dict[str, Any]:
        """Add an image to ``results``."""
        results["img"] = image.astype(np.float32) if self.to_float32 else image
        results["img_shape"] = results["ori_shape"] = image.shape[:2]
        return results


def _content(path: str) -> bytes:
    """Return what ``fileio.get`` does, in a third of the time, also of a folder of shards."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError:
        content = content_in_shards(path)
        if content is None:
            raise
        return content


def check_size(info: Mapping[str, Any], height: int, width: int) -> None:
    """Check that an image has the ``height`` and ``width`` that ``info`` may give.

    Raises:
        SampleError: It has others.
    """
    expected = (info.get("height"), info.get("width"))
    if all(expected) and expected != (height, width):
        reason = (
            f"it has {width}x{height} pixels, and its annotations are for "
            f"{expected[1]}x{expected[0]}"
        )
        if expected == (width, height):
            reason += ", the size before the rotation that its EXIF data may ask for"
        raise unusable(info["img_path"], reason)


def unusable(path: str, reason: str) -> SampleError:
    """Return the error for a bad image."""
    return SampleError(
        f"The image '{path}' cannot be used: {reason}. Replace it, or take it out of the data set.",
        path,
        reason,
    )


def own_loader(step: Any) -> Any:
    """Return a step of a pipeline, or our loader with its settings if it is mmcv's."""
    if type(step) is not StockLoader:
        return step
    loader = LoadImageFromFile.__new__(LoadImageFromFile)
    loader.__dict__.update(vars(step), max_pixels=MAX_PIXELS, scaled_decoding=True)
    return loader
