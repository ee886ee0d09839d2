"""How a classifier is tested: as its recipe says, on ten crops, or on whole images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmresnet.config.walk import type_name
from mmresnet.datasets.ten_crop import POSITIONS
from mmresnet.engine.assembly import is_detector
from mmresnet.engine.pipeline_steps import Step, Steps, read_steps
from mmresnet.errors import UserError, UserValueError, did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config

PROTOCOLS = ("recipe", "ten-crop", "dense")
SCALES = (224, 256, 384, 480, 640)
"""Short sides that He et al. 2015 (Sec. 3.4) test at, for training crops of 224."""

_PIXELS_PER_BATCH = 1 << 24  # of all views together, as uint8 images of 50 MB
_ASPECT_RATIO = 4 / 3  # which most photographs have


def use_protocol(cfg: Config, protocol: str, scales: Sequence[int] | None = None) -> list[int]:
    """Let a test of ``cfg`` follow a protocol: its model and its test pipeline are changed.

    * "recipe": the test pipeline as it is, most often with a centre crop.
    * "ten-crop": the four corners and the centre of the resized image, and their flips.
    * "dense": the whole image and its flip at every scale, by
      :class:`mmresnet.models.classifiers.DenseTTA`.

    Args:
        scales: Short sides for "dense"; by default :data:`SCALES`, times the size of the recipe's
            crop over 224.

    Returns:
        The short sides that "dense" tests at; none for other protocols.

    Raises:
        UserError: There is no such protocol, the model is a detector, the pipeline is of another
            form, or scales are given for another protocol.
    """
    if protocol not in PROTOCOLS:
        raise UserValueError(
            f"The protocol '{protocol}' must be one of {', '.join(PROTOCOLS)}."
            f"{did_you_mean(protocol, PROTOCOLS)}"
        )
    check_scales(protocol, scales)
    sides: list[int] = []
    if protocol == "recipe":
        return sides
    check_classifier(cfg, f"--protocol {protocol}")
    dataset = test_set(cfg)
    steps = read_steps(dataset["pipeline"], _training_pipeline(cfg))
    if protocol == "ten-crop":
        dataset["pipeline"] = _ten_crops(steps)
        model: dict[str, Any] = {"type": "mmresnet.AverageScoresTTA"}
        pixels = 10 * steps.crop_size**2
    else:
        sides = list(scales or scales_for(steps.crop_size))
        dataset["pipeline"] = _whole_images(steps, sides)
        model = {"type": "mmresnet.DenseTTA", "crop_size": steps.crop_size}
        pixels = round(2 * _ASPECT_RATIO * sum(side**2 for side in sides))
    cfg.model = {**model, "module": cfg.model}
    loader = cfg.test_dataloader
    loader["collate_fn"] = {"type": "pseudo_collate"}  # images may differ in shape
    loader["batch_size"] = min(loader.get("batch_size", 1), max(1, _PIXELS_PER_BATCH // pixels))
    # It would load the weights into a copy of the model, where they have other names by now. What
    # it has saved as the weights of the model is the average already.
    hooks = cfg.get("custom_hooks") or []
    cfg.custom_hooks = [hook for hook in hooks if type_name(hook) != "EMAHook"]
    return sides


def check_scales(protocol: str, scales: Sequence[int] | None) -> None:
    """Check that scales are positive and different, and given for dense testing.

    Raises:
        UserValueError: They are not.
    """
    if scales is None:
        return
    if protocol != "dense":
        raise UserValueError(
            f"--scales are the short sides of dense testing, and the protocol is '{protocol}': "
            "add --protocol dense."
        )
    if not scales or min(scales) < 1 or len(set(scales)) < len(scales):
        raise UserValueError(
            f"--scales {' '.join(map(str, scales))}: give different positive numbers of pixels, "
            f"such as {' '.join(map(str, SCALES))}."
        )


def check_classifier(cfg: Config, option: str) -> None:
    """Check that a config is a classifier's, for an option of tests.

    Raises:
        UserError: It is not.
    """
    if is_detector(cfg):
        raise UserError(f"{option} is for classifiers, and this config is a detector's.")


def scales_for(crop_size: int) -> list[int]:
    """Return :data:`SCALES` for a net that is trained on other crops, rounded to pixels."""
    return [round(side * crop_size / 224) for side in SCALES]


def _ten_crops(steps: Steps) -> list[Step]:
    if not steps.has_corners and not steps.padding:
        raise UserError(
            "--protocol ten-crop: the test images have the size that the net is trained on, and "
            "the training does not pad them, so that there is nothing to crop. Let the test "
            "pipeline resize to more than it crops (ResizeEdge, CenterCrop), or use --protocol "
            "dense."
        )
    border = {} if steps.has_corners else steps.padding
    crop = {"type": "mmresnet.CornerCrop", "crop_size": steps.crop_size, **border}
    crops = [{**crop, "position": position} for position in POSITIONS]
    resize = [steps.resize] if steps.resize else []
    # Flipped before they are cropped, as by torchvision's TenCrop: of an odd margin, the centre is
    # a pixel nearer to one side.
    return [*steps.before, *resize, *steps.between, _views(steps.flips(), crops, steps.after)]


def _whole_images(steps: Steps, scales: Sequence[int]) -> list[Step]:
    resizes = [steps.resized(side) for side in scales]
    return [*steps.before, _views(resizes, steps.flips(), [*steps.between, *steps.after])]


def _views(first: list[Step], second: list[Step], then: list[Step]) -> Step:
    return {"type": "TestTimeAug", "transforms": [first, second, *([step] for step in then)]}


def test_set(cfg: Config) -> dict[str, Any]:
    """Return the settings of the test set, out of wrappers such as a set of a part of it.

    Raises:
        UserError: It has no pipeline.
    """
    dataset: dict[str, Any] = (cfg.get("test_dataloader") or {}).get("dataset") or {}
    while "pipeline" not in dataset and isinstance(dataset.get("dataset"), dict):
        dataset = dataset["dataset"]
    if not dataset.get("pipeline"):
        raise UserError(
            "The config has no test_dataloader.dataset.pipeline, from which the views of a test "
            "could be derived."
        )
    return dataset


def _training_pipeline(cfg: Config) -> Sequence[dict[str, Any]]:
    dataset = (cfg.get("train_dataloader") or {}).get("dataset") or {}
    while "pipeline" not in dataset and isinstance(dataset.get("dataset"), dict):
        dataset = dataset["dataset"]
    return dataset.get("pipeline") or ()
