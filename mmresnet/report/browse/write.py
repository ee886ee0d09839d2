"""Writing the page on a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.atomic import atomic_write
from mmresnet.errors import UserError, did_you_mean
from mmresnet.report.browse.data import SETS, Opened, open_set
from mmresnet.report.browse.samples import batch_section, step_section
from mmresnet.report.browse.statistics import sections as statistics_sections
from mmresnet.report.html import code, pairs
from mmresnet.report.images import Images
from mmresnet.report.page import Section, assemble, plotly_js

if TYPE_CHECKING:
    from mmengine.config import Config


def write_browse(
    config: str | os.PathLike[str] | Config,
    out: str | os.PathLike[str],
    *,
    split: str = "train",
    number: int = 12,
    seed: int = 0,
    cfg_options: Mapping[str, Any] | None = None,
) -> Opened:
    """Write a page with what a net will see of a set of ``config``.

    Args:
        out: The file to write.
        split: "train", "val" or "test".
        number: How many images a batch has that is shown.
        seed: Of the order of the images and of all that is random in their pipeline.
        cfg_options: Settings to override, as :func:`mmresnet.config.load.load_config` takes them.

    Raises:
        UserError: A mistake in the config, the data or the arguments.
        MissingPackageError: The extra ``report`` is not installed.
    """
    if split not in SETS:
        near = did_you_mean(split, SETS)
        raise UserError(f"There is no set '{split}': {', '.join(SETS)}.{near}")
    if number < 1:
        raise UserError(f"The number of images must be at least 1, not {number}.")
    out = Path(out)
    if not out.parent.is_dir():
        raise UserError(f"There is no folder '{out.parent}' for '{out.name}': make it first.")
    plotly_js()  # nothing is computed where it lacks
    opened, images = open_set(config, split, number, seed, cfg_options), Images()
    sections = [
        _summary(opened),
        batch_section(opened, images, seed),
        step_section(opened, images, number, seed),
        *statistics_sections(opened),
    ]
    name = Path(opened.cfg.filename).stem if opened.cfg.filename else "config"
    with atomic_write(out) as file:
        file.write(assemble(f"{name}: what the net sees of {split}", sections, images))
    return opened


def _summary(opened: Opened) -> Section:
    dataset, sources = opened.loader.dataset, opened.sources
    images = sum(len(source.dataset) for source in sources)
    facts: dict[str, object] = {"Config": opened.cfg.filename or "given", "Set": opened.split}
    facts["Images"] = f"{images:,}"
    if len(dataset) != images:
        facts["Samples per epoch"] = f"{len(dataset):,}, by {type(dataset).__name__}"
    facts["Classes"] = f"{len(opened.classes):,}"
    kinds = dict.fromkeys(type(source.dataset).__name__ for source in sources)
    facts["Data set"] = ", ".join(kinds)
    steps = "\n".join(repr(step) for step in sources[0].steps)
    html = pairs(facts) + "<h3>Pipeline</h3>" + code(steps)
    return Section("data-set", "Data set", html)
