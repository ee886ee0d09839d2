"""RandomResizedCrop to a size that grows during the training."""

from __future__ import annotations

from typing import Any

from mmresnet.datasets.current_sample import current_sample
from mmresnet.errors import UserValueError, require
from mmresnet.registry import TRANSFORMS

require("mmpretrain", "mmresnet.ProgressiveRandomResizedCrop")

from mmpretrain.datasets.transforms import RandomResizedCrop  # noqa: E402


@TRANSFORMS.register_module()
class ProgressiveRandomResizedCrop(RandomResizedCrop):
    """mmpretrain's ``RandomResizedCrop``, small at first and larger later: progressive resizing.

    The size is ``min_scale`` up to and including epoch ``begin`` and ``max_scale`` from epoch
    ``end`` on, counted from 0; in between it grows linearly, rounded to a multiple of ``divisor``.
    This is ``get_resolution`` of FFCV's ImageNet recipes (libffcv/ffcv-imagenet). All images of an
    epoch have one size, which depends on the epoch alone: so it is the same for any number of
    workers, and in a run that is resumed.

    Where the epoch is not known, which is outside of a training and in a loop that is not
    mmresnet's, the size is ``max_scale``.

    Args:
        min_scale: Height and width at first, in pixels.
        max_scale: Height and width at the end.
        begin: The last epoch of ``min_scale``.
        end: The first epoch of ``max_scale``; as large as ``begin`` or larger.
        divisor: What the sizes in between are multiples of.
        kwargs: mmpretrain's: crop_ratio_range, aspect_ratio_range, max_attempts, interpolation,
            backend.

    Raises:
        UserValueError: A number is out of range.
    """

    def __init__(
        self,
        min_scale: int,
        max_scale: int,
        begin: int,
        end: int,
        divisor: int = 32,
        **kwargs: Any,
    ) -> None:
        if not 0 < min_scale <= max_scale:
            raise UserValueError(
                f"min_scale={min_scale} and max_scale={max_scale} must be above 0, and min_scale "
                "no larger than max_scale."
            )
        if not 0 <= begin <= end:
            raise UserValueError(
                f"begin={begin} and end={end} are epochs from 0 on, and begin comes no later than "
                "end."
            )
        if divisor < 1:
            raise UserValueError(f"divisor={divisor} must be 1 or more.")
        self.min_scale, self.max_scale = min_scale, max_scale
        self.begin, self.end, self.divisor = begin, end, divisor
        super().__init__(scale=max_scale, **kwargs)

    def size_at(self, epoch: int) -> int:
        """Return height and width of the crops of an epoch, counted from 0."""
        if epoch <= self.begin:
            return self.min_scale
        if epoch >= self.end:
            return self.max_scale
        share = (epoch - self.begin) / (self.end - self.begin)
        size = self.min_scale + share * (self.max_scale - self.min_scale)
        rounded = self.divisor * round(size / self.divisor)
        return min(max(rounded, self.min_scale), self.max_scale)

    @property
    def scale(self) -> tuple[int, int]:
        """Height and width of the crops of the present epoch."""
        sample = current_sample()
        size = self.max_scale if sample is None else self.size_at(sample.epoch)
        return size, size

    @scale.setter
    def scale(self, scale: tuple[int, int]) -> None:
        """Do nothing: mmpretrain's constructor sets the size, which here follows the epoch."""

    def __repr__(self) -> str:
        """Return the class, the sizes and mmpretrain's settings."""
        sizes = f"{self.min_scale} to {self.max_scale} in epochs {self.begin} to {self.end}"
        text: str = super().__repr__()
        return text.replace(f"scale={self.scale}", f"scale={sizes}")
