"""The images that the ranges of 8-bit activations are taken from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresnet.engine.assembly import building
from mmresnet.errors import UserError
from mmresnet.export.preparation import Preparation, dataset_settings
from mmresnet.export.quiet import quiet
from mmresnet.export.samples import Samples

if TYPE_CHECKING:
    from mmengine.config import Config

NUMBER = {"classifier": 300, "detector": 100}
"""300 are NNCF's default; more did not change the accuracy of ResNet-20. A detector's image takes
ten times as long, and has as many objects."""


def calibration_images(
    cfg: Config, preparation: Preparation, number: int, named: Samples | None = None
) -> Samples:
    """Return a random sample of the training set, prepared as images are in the test.

    Args:
        number: How many images at most.
        named: Images of the user's, to take where the training set cannot be read.

    Raises:
        UserError: The training set cannot be read, and there are none of the user's.
    """
    try:
        dataset = _training_set(cfg)
    except (UserError, OSError, ImportError, ValueError, AssertionError) as error:
        if named is not None:
            return named
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            "--int8 takes the ranges of activations from the training set, which cannot be read: "
            f"{reason} Set data_root with --cfg-options, or name images with --images."
        ) from error
    chosen = np.random.default_rng(0).permutation(len(dataset))[:number]
    samples = Samples(f"the training set, {len(chosen)} of {len(dataset)} images")
    for index in chosen:
        samples.add(dataset[int(index)], preparation.loads_rgb)
    return samples


def _training_set(cfg: Config) -> Any:
    """Return the training set with the pipeline of the test."""
    settings = (cfg.get("train_dataloader") or {}).get("dataset")
    if not settings:
        raise UserError("The config has no train_dataloader.dataset.")
    pipeline = dataset_settings(cfg)["pipeline"]
    with quiet(), building(cfg):
        from mmengine.dataset import ConcatDataset
        from mmengine.registry import DATASETS

        return ConcatDataset(
            [
                DATASETS.build({**inner, "pipeline": pipeline, "lazy_init": False})
                for inner in _inner(settings)
            ]
        )


def _inner(dataset: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the data sets with images inside of wrappers that repeat, mix or join them."""
    inside = dataset.get("datasets") or [dataset.get("dataset")]
    if inside == [None]:
        yield dataset
    else:
        for part in inside:
            yield from _inner(part)
