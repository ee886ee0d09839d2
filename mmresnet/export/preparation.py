"""A recipe's test pipeline as lines of plain Python: ``prepare`` of an exported folder's run.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmresnet.config.walk import type_name
from mmresnet.engine.assembly import building
from mmresnet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config

# Data sets that hold their images, RGB of this (width, height), in memory; the pipelines of their
# recipes do not load files.
IN_MEMORY = {"CIFAR10": (32, 32), "CIFAR100": (32, 32)}

_CV2 = {
    "nearest": "cv2.INTER_NEAREST",
    "bilinear": "cv2.INTER_LINEAR",
    "bicubic": "cv2.INTER_CUBIC",
    "area": "cv2.INTER_AREA",
    "lanczos": "cv2.INTER_LANCZOS4",
}


@dataclass
class Preparation:
    """What turns a file into an image for the model.

    Attributes:
        lines: Statements on ``image``, (H, W, 3) uint8 in BGR.
        imports: What these import beside cv2 and numpy.
        size: Height and width of every image that results; None if they depend on the file.
        loads_rgb: Whether the recipe's own pipeline gives RGB, and not BGR.
        steps: The pipeline's steps, for the report.
    """

    lines: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    size: tuple[int, int] | None = None
    loads_rgb: bool = False
    steps: list[str] = field(default_factory=list)


def dataset_settings(cfg: Config) -> dict[str, Any]:
    """Return the settings of the validation set, or else of the test set, out of any wrapper.

    Raises:
        UserError: The config has none with a pipeline.
    """
    loader = cfg.get("val_dataloader") or cfg.get("test_dataloader") or {}
    dataset: dict[str, Any] = loader.get("dataset") or {}
    while "pipeline" not in dataset and isinstance(dataset.get("dataset"), dict):
        dataset = dataset["dataset"]
    if not dataset.get("pipeline"):
        raise UserError(
            "The config has no val_dataloader.dataset.pipeline, which defines how images are "
            "prepared: use the recipe that the checkpoint was trained with."
        )
    return dataset


def prepare_like(cfg: Config) -> Preparation:
    """Return what the test pipeline of a recipe does with an image.

    Raises:
        UserError: A step that run.py cannot do.
    """
    from mmengine.dataset import Compose

    dataset = dataset_settings(cfg)
    with building(cfg):
        steps = Compose(
            [step for step in dataset["pipeline"] if not _is_about_annotations(step)]
        ).transforms
    preparation = Preparation(steps=[repr(step) for step in steps])
    if size := IN_MEMORY.get(type_name(dataset)):
        preparation.loads_rgb, preparation.size = True, size[::-1]
        preparation.lines = [
            f"if image.shape[:2] != {size[::-1]}:",
            f"    image = cv2.resize(image, {size}, interpolation=cv2.INTER_AREA)",
        ]
    for step in steps:
        name = type(step).__name__
        if name not in STEPS:
            raise UserError(
                f"The test pipeline has the step {name}, which the runner of an exported model "
                f"cannot do.{did_you_mean(name, STEPS)} It can do: {', '.join(STEPS)}."
            )
        STEPS[name](step, preparation)
    return preparation


def _is_about_annotations(step: Any) -> bool:
    return type_name(step).startswith(("LoadAnnotations", "LoadPanopticAnnotations"))


def _load(step: Any, preparation: Preparation) -> None:
    if step.color_type != "color" or step.to_float32:
        raise UserError(
            "The test pipeline loads images with "
            f"color_type={step.color_type!r}, to_float32={step.to_float32}; an exported model "
            "takes images of 3 colours with 8 bits."
        )
    preparation.lines, preparation.loads_rgb, preparation.size = [], False, None


def _resize(step: Any, preparation: Preparation) -> None:
    if step.scale is None:
        raise UserError("The test pipeline resizes by a factor; give its Resize a scale.")
    width, height = step.scale
    if not step.keep_ratio:
        preparation.lines += _resized(f"({width}, {height})", step, preparation)
        preparation.size = (height, width)
        return
    longer, shorter = max(step.scale), min(step.scale)
    preparation.lines += [
        "height, width = image.shape[:2]",
        f"scale = min({longer} / max(height, width), {shorter} / min(height, width))",
        "size = int(width * scale + 0.5), int(height * scale + 0.5)",
        *_resized("size", step, preparation),
    ]
    preparation.size = None


def _resize_edge(step: Any, preparation: Preparation) -> None:
    by_width = {"short": "width < height", "long": "width > height"}
    condition = by_width.get(step.edge, str(step.edge == "width"))
    scale = step.scale
    preparation.lines += [
        "height, width = image.shape[:2]",
        f"if {condition}:",
        f"    size = {scale}, int({scale} * height / width)",
        "else:",
        f"    size = int({scale} * width / height), {scale}",
        *_resized("size", step, preparation),
    ]
    preparation.size = None


def _resized(size: str, step: Any, preparation: Preparation) -> list[str]:
    """Return the line that resizes to ``size``, an expression for (width, height)."""
    if step.backend == "pillow":
        preparation.imports = ["from PIL import Image"]
        how = f"Image.Resampling.{step.interpolation.upper()}"
        return [f"image = np.array(Image.fromarray(image).resize({size}, {how}))"]
    return [f"image = cv2.resize(image, {size}, interpolation={_CV2[step.interpolation]})"]


def _center_crop(step: Any, preparation: Preparation) -> None:
    if step.auto_pad:
        raise UserError("The test pipeline has CenterCrop(auto_pad=True), which run.py cannot do.")
    width, height = step.crop_size
    preparation.lines += [
        "height, width = image.shape[:2]",
        f"y, x = max(0, round((height - {height}) / 2)), max(0, round((width - {width}) / 2))",
        f"image = image[y : y + {height}, x : x + {width}]",
    ]
    preparation.size = (height, width)


def _nothing(step: Any, preparation: Preparation) -> None:
    """Leave the image as it is."""


STEPS: dict[str, Callable[[Any, Preparation], None]] = {
    "LoadImageFromFile": _load,
    "Resize": _resize,
    "ResizeEdge": _resize_edge,
    "CenterCrop": _center_crop,
    "PackInputs": _nothing,
    "PackDetInputs": _nothing,
}
"""What ``run.py`` can do, by the name of a pipeline's step."""


def indented(lines: Sequence[str], spaces: int = 4) -> str:
    """Return lines of the body of a function."""
    return "\n".join(" " * spaces + line for line in lines)
