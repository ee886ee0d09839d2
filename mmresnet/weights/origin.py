"""Where tensors came from: it travels with them, through programs that pass on tensors alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmresnet.weights.names.recognise import unwrap

if TYPE_CHECKING:
    from mmresnet.weights.hub.preprocessing import Preprocessing


@dataclass(frozen=True)
class Origin:
    """The file or name that weights were read from, and what is known of its training."""

    source: str = ""
    preprocessing: Preprocessing | None = None
    style: str | None = None
    recipe: str = ""


def mark(content: Mapping[str, Any], origin: Origin) -> None:
    """Tell the tensors of a file where they come from."""
    for key in (None, *unwrap(content)[2]):
        for tensor in unwrap(content, key)[0].values():
            tensor.mmresnet_origin = origin


def origin_of(tensors: Mapping[str, Any]) -> Origin:
    """Return where tensors came from, as far as they were told."""
    for tensor in tensors.values():
        return getattr(tensor, "mmresnet_origin", Origin())
    return Origin()
