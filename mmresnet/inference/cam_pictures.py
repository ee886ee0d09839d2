"""Write pictures of class activation maps, an image and its map beside each other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture

from mmresnet.atomic import atomic_write
from mmresnet.errors import UserError
from mmresnet.inference.cam import ClassMap, Explainer, find_class
from mmresnet.inference.pipeline import Failure
from mmresnet.inference.seen_region import SeenRegions
from mmresnet.visualization.cams import draw_beside

if TYPE_CHECKING:
    from mmresnet.evaluation.results import Label
    from mmresnet.inference.sources import Source


def write_pictures(
    explainer: Explainer,
    sources: Sequence[Source],
    out: str | os.PathLike[str],
    class_name: str | None = None,
) -> Iterator[tuple[Path, ClassMap] | Failure]:
    """Write ``<out>/<name>.png`` for each image, and yield its path and map, or why there is none.

    Args:
        class_name: The class whose maps are drawn; None is the one that is predicted.

    Raises:
        UserError: There is no such class, a source is a video, or ``out`` cannot be written to.
    """
    videos = [source.path for source in sources if source.is_video]
    if videos:
        raise UserError(f"'{videos[0]}' is a video: activation maps are drawn on images.")
    class_ids = [] if class_name is None else [find_class(class_name, explainer.classes)]
    regions = SeenRegions(explainer.reader)
    for image in explainer.reader.read(sources):
        if isinstance(image, Failure):
            yield image
            continue
        (found,) = explainer(image, class_ids)
        region = regions.of(*image.pixels.shape[:2])
        name = explainer.classes[found.class_id]
        label: Label = {"class_id": found.class_id, "name": name, "score": found.score}
        path = Path(out, f"{image.source.name}.png")
        _save(draw_beside(image.pixels, found.values, region, label), path)
        yield path, found


def _save(pixels: np.ndarray, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "wb") as file:
            Picture.fromarray(pixels).save(file, "PNG")
    except OSError as error:
        raise UserError(f"Nothing can be written to '{path.parent}': {error.strerror}.") from error
