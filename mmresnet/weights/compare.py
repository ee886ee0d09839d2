"""Whether a config prepares images, and builds the net, as its weights were trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmresnet.weights.fit import backbones
from mmresnet.weights.report import Report

if TYPE_CHECKING:
    from torch import nn

    from mmresnet.weights.hub.preprocessing import Preprocessing

_TOLERANCE = 0.5  # of 255: publishers round means and deviations in their own ways


def differences(
    model: nn.Module, report: Report, pipeline: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """Return where ``model`` differs from what its weights were trained with, a message for each.

    Args:
        model: A model around a backbone of this package, with its ``data_preprocessor``.
        report: Of the loading of its weights.
        pipeline: The transforms of the images that it is tested with.
    """
    found = list(_structure(model, report))
    expected = report.preprocessing
    if expected is not None:
        preprocessor = getattr(model, "data_preprocessor", None)
        if preprocessor is not None:
            found += normalization(preprocessor, expected)
        found += _sizes(pipeline, expected)
    return found


def style_of(backbone: nn.Module) -> str | None:
    """Return in which convolution of its bottlenecks the stride is, None without bottlenecks."""
    for name, module in backbone.named_modules():
        if name.startswith("layer") and hasattr(module, "conv3") and module.downsample is not None:
            strides = module.conv1.stride, module.conv2.stride
            if strides != ((1, 1), (1, 1)):
                return "caffe" if strides[0] != (1, 1) else "pytorch"
    return None


def _structure(model: nn.Module, report: Report) -> Iterator[str]:
    for backbone in backbones(model).values():
        style = style_of(backbone)
        if report.style and style and report.style != style:
            where = {"caffe": "first (1×1)", "pytorch": "3×3"}
            yield (
                f"The weights have the stride of a bottleneck in its {where[report.style]} "
                f"convolution, and the backbone in its {where[style]} one: set "
                f"style='{report.style}'."
            )
        if report.preprocessing is None:
            continue
        eps = {module.eps for module in backbone.modules() if hasattr(module, "running_var")}
        if eps - {1e-5}:
            yield (
                f"The backbone's BatchNorm adds eps={sorted(eps)[-1]:g} to the variance, and all "
                "known publishers' 1e-05: set norm_cfg=dict(type='BN', eps=1e-5)."
            )


def normalization(preprocessor: object, expected: Preprocessing) -> Iterator[str]:
    """Yield where a data preprocessor normalizes images otherwise than ``expected``."""
    order = channel_order(preprocessor)
    if order != expected.channel_order:
        yield (
            f"The weights were trained on {expected.channel_order.upper()} images, and the config "
            f"gives {order.upper()}: set to_rgb (mmpretrain) or bgr_to_rgb (mmdet) of the "
            f"data_preprocessor to {expected.channel_order == 'rgb'}."
        )
    for what in ("mean", "std"):
        given = getattr(preprocessor, what, None)
        wanted = getattr(expected, what)
        values = tuple(given.flatten().tolist()) if given is not None else None
        if values is None or any(
            abs(a - b) > _TOLERANCE for a, b in zip(values, wanted, strict=True)
        ):
            shown = "none" if values is None else [round(value, 3) for value in values]
            yield (
                f"The weights were trained with {what} {list(wanted)} (0 to 255, in the order "
                f"{expected.channel_order.upper()}), and the config has {shown}."
            )


def channel_order(preprocessor: object) -> str:
    """Return the order that a data preprocessor of mmengine or mmpretrain gives images in.

    Files are read as BGR, by OpenCV, as both expect.
    """
    swapped = getattr(preprocessor, "to_rgb", getattr(preprocessor, "_channel_conversion", False))
    return "rgb" if swapped else "bgr"


def _sizes(pipeline: Sequence[Mapping[str, Any]], expected: Preprocessing) -> Iterator[str]:
    """Compare a classifier's test size; a detector's has nothing to do with its backbone's."""
    found: dict[str, Any] = {}
    for step in pipeline:
        kind = str(step.get("type")).rpartition(".")[2]
        if kind in ("ResizeEdge", "CenterCrop"):
            number: Any = step.get("scale" if kind == "ResizeEdge" else "crop_size")
            found[kind] = number if isinstance(number, int) else min(number)
        if kind == "ResizeEdge":
            found["interpolation"] = step.get("interpolation", "bilinear")
    for kind, what, wanted in (
        ("ResizeEdge", "the shorter edge resized to", expected.resize),
        ("CenterCrop", "a centre crop of", expected.size),
        ("interpolation", "the interpolation", expected.interpolation),
    ):
        if wanted is not None and kind in found and found[kind] != wanted:
            yield (
                f"The figures published for these weights are for {what} {wanted}, and the config "
                f"has {found[kind]}."
            )
