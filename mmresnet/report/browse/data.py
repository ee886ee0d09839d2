"""The data set of a config with its loader, and samples of both as often the same."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmengine.dataset import Compose
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import Runner

from mmresnet.config.preflight.image_folders import check_image_folders
from mmresnet.config.walk import parts
from mmresnet.datasets.check import parts_of
from mmresnet.datasets.current_sample import Sample, loading
from mmresnet.engine.assembly import building, prepare_run
from mmresnet.engine.random_state import fork_rng
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmengine.config import Config

SETS = ("train", "val", "test")


@dataclass(frozen=True)
class Source:
    """A data set out of its wrappers, and the steps of its pipeline as the config has them."""

    dataset: Any
    steps: list[Any]

    @property
    def bgr(self) -> bool:
        """Whether images are loaded from files, with blue first; those in memory are RGB."""
        return "img" not in self.dataset.get_data_info(0)


@dataclass(frozen=True)
class Opened:
    """A set of a config.

    Attributes:
        split: "train", "val" or "test".
        loader: Its torch ``DataLoader``, without processes, and with as many images in a batch as
            are shown.
        sources: The data sets that it is made of.
        classes: Their names; the numbers of classes that have none.
    """

    cfg: Config
    split: str
    loader: Any
    sources: list[Source]
    classes: list[str]


def open_set(
    config: str | os.PathLike[str] | Config,
    split: str,
    number: int,
    seed: int = 0,
    cfg_options: Mapping[str, Any] | None = None,
) -> Opened:
    """Build a data set and its loader for ``number`` images.

    Raises:
        UserError: A mistake in the config or data, or the config has no such set.
    """
    cfg = prepare_run(config, cfg_options=cfg_options)
    key = f"{split}_dataloader"
    settings = cfg.get(key)
    if not settings or not settings.get("dataset"):
        raise UserError(f"The config has no {key} with a data set: name another one with --set.")
    check_image_folders(cfg, (key,))
    MMLogger.get_current_instance().setLevel("ERROR")
    settings.update(batch_size=number, num_workers=0, persistent_workers=False, drop_last=False)
    settings.pop("prefetch_factor", None)  # of processes
    with building(cfg):
        loader = Runner.build_dataloader(settings, seed=seed)
        sources = list(_sources(loader.dataset, settings.dataset))
    if not len(loader.dataset):
        raise UserError(f"There is no image in the data set of {key}.")
    names = sources[0].dataset.metainfo.get("classes") or ()
    return Opened(cfg, split, loader, sources, [str(name) for name in names])


def _sources(dataset: Any, settings: Mapping[str, Any]) -> Iterator[Source]:
    """Yield the data sets in wrappers.

    Their pipelines are built again, since a data set of this package has replaced steps by quicker
    ones, of which one may be two.
    """
    pipelines = [
        part["pipeline"]
        for _, part in parts(settings)
        if "pipeline" in part and not {"dataset", "datasets"} & part.keys()
    ]
    found = list(parts_of(dataset))
    if len(pipelines) != len(found):  # wrappers of another kind
        pipelines = pipelines[:1] * len(found)
    for one, steps in zip(found, pipelines, strict=True):
        yield Source(one, Compose(steps).transforms)


def batches(
    opened: Opened, preprocessor: Any, seed: int, count: int
) -> list[tuple[list[int], dict[str, Any]]]:
    """Return the first batches as the net gets them, with the indices of their images.

    A batch has ``inputs`` (N, 3, H, W) and ``data_samples``.
    """
    dataset, found = opened.loader.dataset, []
    MessageHub.get_current_instance().update_info("iter", 0)  # mmdet's batch augmentations ask
    with fork_rng(seed), loading() as set_current:
        for indices, _ in zip(opened.loader.batch_sampler, range(count), strict=False):
            samples = []
            for index in indices:
                set_current(Sample(seed, 0, index))
                samples.append(dataset[index])
            batch = opened.loader.collate_fn(samples)
            found.append((list(indices), preprocessor(batch, opened.split == "train")))
    return found
