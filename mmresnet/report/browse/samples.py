"""The sections of images: batches as the net gets them, and what each step of a pipeline does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from mmresnet.datasets.current_sample import Sample, loading
from mmresnet.engine.assembly import build_model
from mmresnet.engine.random_state import fork_rng
from mmresnet.report.browse.data import Opened, Source, batches
from mmresnet.report.browse.pictures import Colours, View, view_of, view_of_input
from mmresnet.report.html import escape, note
from mmresnet.report.images import Images
from mmresnet.report.page import Section
from mmresnet.report.strips import SCRIPT, Frame, grid, strip

_SIDE, _SIDE_OF_BOXES = 224, 480  # of pictures, in pixels
_MOST_ROWS = 8  # images whose steps are shown
_BATCHES_OF_AUGMENTS = 3  # batches that are shown where each may be mixed in another way


def batch_section(opened: Opened, images: Images, seed: int) -> Section:
    """Return batches as the net gets them, or why there are none."""
    try:
        html = _batches(opened, images, seed)
    except Exception as error:  # of a step, a collate function or the model
        html = note(f"No batch can be made. {type(error).__name__}: {error}")
    return Section("batches", "Batches", html, script=SCRIPT)


def _batches(opened: Opened, images: Images, seed: int) -> str:
    preprocessor: Any = build_model(opened.cfg).data_preprocessor
    augments = getattr(preprocessor, "batch_augments", None) if opened.split == "train" else None
    colours = Colours(opened.sources[0].bgr)
    for step in opened.sources[0].steps:
        colours.follow(step)
    colours.follow_preprocessor(preprocessor)
    text = "What the net gets, with the normalization of its inputs undone."
    if augments is not None:
        text += f" A batch is mixed at random, by {_augments(augments)}."
    count = 1 if augments is None else _BATCHES_OF_AUGMENTS
    rows, dataset = [], opened.loader.dataset
    for indices, batch in batches(opened, preprocessor, seed, count):
        samples = batch["data_samples"] or [None] * len(indices)
        frames = [
            _frame(view_of_input(image, sample, colours), _name(dataset, index), opened, images)
            for index, image, sample in zip(indices, batch["inputs"], samples, strict=True)
        ]
        rows.append(grid([strip([frame], _has_boxes(opened)) for frame in frames]))
    return note(text) + "<hr>".join(rows)


def step_section(opened: Opened, images: Images, number: int, seed: int) -> Section:
    """Return images before and after each step of their pipeline."""
    rows, count = [], min(number, _MOST_ROWS)
    for place in range(count):
        source = opened.sources[place % len(opened.sources)]
        index = len(source.dataset) * place // count
        frames = _step_frames(source, index, seed + place, opened, images)
        name = escape(_name(source.dataset, index))
        rows.append(f"<div><h3>{name}</h3>{strip(frames, _has_boxes(opened))}</div>")
    text = "Images after each step of their pipeline. Random steps draw from the seed."
    return Section("steps", "Step by step", note(text) + grid(rows), script=SCRIPT)


def _name(dataset: Any, index: int) -> str:
    path = dataset.get_data_info(index).get("img_path")
    return f"image {index}" if path is None else os.path.basename(str(path))


def _step_frames(
    source: Source, index: int, seed: int, opened: Opened, images: Images
) -> list[Frame]:
    """Return the sample after each step, up to one that fails or leaves it out."""
    frames: list[Frame] = []
    colours, before = Colours(source.bgr), None
    with fork_rng(seed), loading() as set_current:
        set_current(Sample(seed, 0, index))
        sample = source.dataset.get_data_info(index)
        for step in source.steps:
            try:
                sample = step(sample)
            except Exception as error:  # a step of any package
                reason = f"fails: {type(error).__name__}: {error}"
                return [*frames, Frame(None, _step_name(step), [reason])]
            if sample is None:
                return [*frames, Frame(None, _step_name(step), ["leaves the image out"])]
            colours.follow(step)
            view = view_of(sample, colours)
            if view is None:
                frames.append(Frame(None, _step_name(step)))
                continue
            unchanged = before is not None and view.same_as(before)
            more = ["nothing changes"] if unchanged else []
            frames.append(_frame(view, _step_name(step), opened, images, more))
            before = view
    return frames


def _frame(
    view: View, title: str, opened: Opened, images: Images, more: Sequence[str] = ()
) -> Frame:
    side = _SIDE_OF_BOXES if _has_boxes(opened) else _SIDE
    picture = images.add(view.draw(side, opened.classes), side=side)
    return Frame(picture, title, [*view.lines(opened.classes), *more])


def _has_boxes(opened: Opened) -> bool:
    return "instances" in opened.sources[0].dataset.get_data_info(0)


def _step_name(step: Any) -> str:
    return type(getattr(step, "t", step)).__name__


def _augments(augments: Any) -> str:
    """Return the names of batch augmentations, mmpretrain's or mmdet's."""
    parts = getattr(augments, "augments", augments)
    return " or ".join(type(part).__name__ for part in parts)
