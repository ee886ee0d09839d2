"""Where the net looked: class activation maps of the worst mistakes and of some right images."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmresnet.errors import UserError
from mmresnet.inference.cam import Explainer
from mmresnet.inference.pipeline import Failure, Image
from mmresnet.inference.seen_region import SeenRegions
from mmresnet.inference.sources import Source
from mmresnet.report.html import code, note
from mmresnet.report.images import Images
from mmresnet.report.page import Section
from mmresnet.report.run import SPLITS, Run
from mmresnet.report.strips import SCRIPT, Frame, grid, strip
from mmresnet.visualization.cams import draw_map, enlarged

WRONG, RIGHT = 12, 6  # how many images are explained: each costs a computation of the net
_SIDE = 160
_COLOURS = "Red is what speaks most for a class, and dark what the net does not see."
_METHODS = {
    "cam": "These maps are exact: the sum over a map is the class's logit without its bias (Zhou "
    "et al. 2016).",
    "grad-cam": "Grad-CAM of the backbone's output (Selvaraju et al. 2017).",
}


def sections(run: Run, images: Images) -> list[Section]:
    """Return the maps, or nothing for a run that is no classifier's or has no weights."""
    for split in SPLITS:
        found = run.classification(split)
        if found is None or found.labels is None or run.config is None:
            continue
        tested = Path(str(found.test.get("checkpoint")))
        weights = tested if tested.is_file() else run.checkpoint
        if weights is None:
            continue
        try:
            explainer = Explainer(run.config, weights)
        except UserError as error:
            html = note(f"There are no class activation maps: {error}")
        else:
            how = f"{_COLOURS} {_METHODS[explainer.method]} With the weights of {weights}."
            rows = _choose(found.scores, found.labels)
            command = ["mmresnet", "cam", str(run.config_file), str(weights), "IMAGE"]
            html = note(how) + _maps(run, split, rows, explainer, images)
            html += "<h3>For any other image</h3>" + code(shlex.join(command))
        return [Section("activation-maps", "Where it looked", html, script=SCRIPT)]
    return []


def _choose(scores: np.ndarray, labels: np.ndarray) -> dict[str, list[int]]:
    """Return the wrong images with the highest losses, and right ones evenly from all of them."""
    correct = scores.argmax(1) == labels
    of_true = scores[np.arange(len(labels)), labels]
    wrong = [int(row) for row in np.argsort(of_true, kind="stable") if not correct[row]]
    right = np.flatnonzero(correct)
    evenly = np.linspace(0, len(right) - 1, min(RIGHT, len(right))).astype(int)
    return {"The highest losses": wrong[:WRONG], "Right": right[evenly].tolist()}


def _maps(
    run: Run, split: str, chosen: dict[str, list[int]], explainer: Explainer, images: Images
) -> str:
    found = run.classification(split)
    assert found is not None and found.labels is not None
    shown = _Shown(explainer, SeenRegions(explainer.reader), images)
    parts = []
    for title, rows in chosen.items():
        strips = [
            shown.strip(image, found.images[row], int(found.labels[row]))
            for row, image in _read(run, split, rows, explainer)
        ]
        if strips:
            parts += [f"<h3>{title}</h3>", grid(strips)]
    return "".join(parts)


def _read(
    run: Run, split: str, rows: list[int], explainer: Explainer
) -> Iterator[tuple[int, Image]]:
    """Yield the images of these rows that are still there."""
    for row in rows:
        image = run.image(split, row)
        if isinstance(image, np.ndarray):
            source = Source("", array=np.ascontiguousarray(image[..., ::-1]))
        elif image is not None and image.is_file():
            source = Source("", path=str(image))
        else:
            continue
        for read in explainer.reader.read([source]):
            if not isinstance(read, Failure):
                yield row, read


@dataclass(frozen=True)
class _Shown:
    """What draws the maps of an image, and where their pictures go."""

    explainer: Explainer
    regions: SeenRegions
    images: Images

    def strip(self, image: Image, name: str, label: int) -> str:
        """Return an image, the map of its best class and, if that is wrong, of its true class."""
        classes = self.explainer.classes
        (best,) = self.explainer(image)
        maps = [best] if best.class_id == label else [best, *self.explainer(image, [label])]
        region = self.regions.of(*image.pixels.shape[:2])
        pixels, region = enlarged(image.pixels, region, _SIDE)
        frames = [self._frame(pixels, name, f"is {classes[label]}")]
        for one in maps:
            drawn = draw_map(pixels, one.values, region)
            kind = "true class" if one.class_id == label else "mistake"
            frames.append(self._frame(drawn, f"{classes[one.class_id]} {one.score:.0%}", kind))
        return strip(frames)

    def _frame(self, pixels: np.ndarray, title: str, line: str) -> Frame:
        return Frame(self.images.add(pixels[..., ::-1], side=_SIDE), title, [line])
