"""The steps of a pipeline, replaced by those of this package that give the same in less time."""

from __future__ import annotations

import sys
from typing import Any

from mmengine.dataset import Compose

from mmresnet.datasets.crop_loading import LoadResizedCrop, fits
from mmresnet.datasets.loading import own_loader


def use_own_steps(pipeline: Compose) -> None:
    """Put this package's steps in the places of mmcv's and mmpretrain's.

    * ``LoadImageFromFile``: :class:`mmresnet.datasets.loading.LoadImageFromFile`, which says which
      file is bad; with a ``RandomResizedCrop`` directly after it, both are one step,
      :class:`mmresnet.datasets.crop_loading.LoadResizedCrop`.
    * ``RandomCrop``, ``RandomFlip``, ``PackInputs``: those of
      :mod:`mmresnet.datasets.quick_steps`.

    A step of any other class stays, so that a subclass or another package's step does what it did.
    """
    steps: list[Any] = []
    for step in map(own_loader, pipeline.transforms):
        if steps and fits(steps[-1], step):
            steps[-1] = LoadResizedCrop(steps[-1], step)
        else:
            steps.append(step)
    if "mmpretrain.datasets.transforms" in sys.modules:  # else none of the steps is mmpretrain's
        from mmresnet.datasets.quick_steps import quick_step

        steps = [quick_step(step) for step in steps]
    pipeline.transforms[:] = steps
