"""A file of weights into another layout."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmresnet.weights.convert import Converted


def convert_file(
    source: str | os.PathLike, target: str | os.PathLike, to: str, key: str | None = None
) -> Converted:
    """Write the weights of ``source`` to ``target`` under the names of another package.

    Args:
        source: A path, an address or a name, in any layout.
        target: A path that ends in ``.safetensors`` or ``.pth``.
        to: A key of :data:`mmresnet.weights.convert.TARGETS`.
        key: Where in the checkpoint the weights are, if it holds several.

    Returns:
        What was written, and the names of what was left out.

    Raises:
        UserError: The weights cannot be read, or the other package has no such net.
    """
    from mmresnet.weights.convert import convert
    from mmresnet.weights.formats.files import write_weights
    from mmresnet.weights.sources import read

    converted = convert(read(source), to, key)
    # detectron2 looks for "model", and for the part of a detector that these names end in
    how = {"key": "model", "beside": {"matching_heuristics": True}} if to == "detectron2" else {}
    write_weights(target, converted.tensors, converted.metadata, **how)
    return converted
