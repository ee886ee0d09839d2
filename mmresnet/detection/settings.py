"""The settings of ``model.test_cfg.rcnn``, mmdet's and those of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmresnet.errors import UserValueError, did_you_mean

_PATH = "model.test_cfg.rcnn"
_OF_MMDET = ("score_thr", "nms", "max_per_img", "mask_thr_binary")
_OURS = ("box_refinement", "box_voting", "multi_scale")
ROI_SIZE = 224


def check_test_settings(cfg: Mapping[str, Any]) -> None:
    """Check the names of all settings, and the values of those of this package.

    Raises:
        UserValueError: There is no such setting, or a value is out of range.
    """
    known = (*_OF_MMDET, *_OURS)
    for name in cfg:
        if name not in known:
            raise UserValueError(
                f"{_PATH} has no setting '{name}', but {', '.join(known)}."
                f"{did_you_mean(name, known)}"
            )
    refinement = cfg.get("box_refinement", False)
    if not isinstance(refinement, bool):
        raise UserValueError(f"{_PATH}.box_refinement is True or False, not {refinement!r}.")
    voting = cfg.get("box_voting")
    if voting is not None:
        threshold: Any = voting.get("iou_threshold") if isinstance(voting, Mapping) else None
        if not (_is_number(threshold) and 0 < threshold <= 1 and len(voting) == 1):
            raise UserValueError(
                f"{_PATH}.box_voting is None or dict(iou_threshold=…) with a number above 0 and up "
                f"to 1 (0.5 in the source), not {voting!r}."
            )
    multi_scale = cfg.get("multi_scale")
    if multi_scale is not None and not _are_scales(multi_scale):
        raise UserValueError(
            f"{_PATH}.multi_scale is None or dict(short_sides=…, roi_size=…): two or more lengths "
            "in pixels in ascending order (200, 400, 600, 800, 1000 in the paper), and the side of "
            f"a region in pixels at its best scale ({ROI_SIZE} if left out); not {multi_scale!r}."
        )


def _are_scales(given: object) -> bool:
    if not isinstance(given, Mapping) or not {"short_sides"} <= {*given} <= {
        "short_sides",
        "roi_size",
    }:
        return False
    sides, size = given["short_sides"], given.get("roi_size", ROI_SIZE)
    if not isinstance(sides, list | tuple) or not all(map(_is_number, (*sides, size))):
        return False
    return len(sides) > 1 and min(*sides, size) > 0 and list(sides) == sorted({*sides})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
