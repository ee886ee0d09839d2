"""Validation of the backbones' arguments."""

from collections.abc import Mapping, Sequence

from mmresnet.errors import UserTypeError, UserValueError, did_you_mean
from mmresnet.models.checks import positive_integer

STYLES = ("pytorch", "caffe")


def check_arguments(
    name: str,
    style: str,
    num_stages: tuple[int, int],
    per_stage: Mapping[str, Sequence[int]],
    out_indices: Sequence[int],
    frozen_stages: int,
    plugins: Sequence[dict] | None,
    positive: Mapping[str, int],
) -> None:
    """Check the arguments of the class ``name``; ``num_stages`` is (given, largest allowed).

    Raises:
        ValueError: A value is out of range.
        TypeError: ``out_indices`` is not a sequence of integers, or a width is not an integer.
    """
    if style not in STYLES:
        raise UserValueError(
            f"{name}: style={style!r} must be {' or '.join(map(repr, STYLES))}."
            f"{did_you_mean(style, STYLES)}"
        )
    for keyword, value in positive.items():
        positive_integer(name, keyword, value)

    stages, most = num_stages
    if not 1 <= stages <= most:
        raise UserValueError(f"{name}: num_stages={stages} must be from 1 to {most}.")
    for keyword, values in per_stage.items():
        if len(values) < stages:
            raise UserValueError(
                f"{name}: {keyword}={tuple(values)} has {len(values)} entries, and "
                f"num_stages={stages} needs one for each stage."
            )

    if isinstance(out_indices, str) or not isinstance(out_indices, Sequence):
        raise UserTypeError(
            f"{name}: out_indices={out_indices!r} must be a tuple of stages, such as (3,)."
        )
    outside = [index for index in out_indices if not 0 <= index < stages]
    if outside or not out_indices:
        raise UserValueError(
            f"{name}: out_indices={tuple(out_indices)} must name stages from 0 to {stages - 1} "
            f"(it has {stages})."
        )
    if not -1 <= frozen_stages <= stages:
        raise UserValueError(
            f"{name}: frozen_stages={frozen_stages} must be from -1 (nothing is frozen) to "
            f"{stages} (all stages; 0 freezes the stem alone)."
        )
    for plugin in plugins or ():
        given = plugin.get("stages")
        if given is not None and len(given) != stages:
            raise UserValueError(
                f"{name}: a plugin's stages={tuple(given)} has {len(given)} entries, and there "
                f"are {stages} stages."
            )
