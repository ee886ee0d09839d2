"""The temperature of a calibrated classifier, which is kept with its weights.

It is a number at ``meta.temperature`` of a checkpoint, and a text among the metadata of
safetensors. A training that goes on from a calibrated checkpoint does not keep it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmresnet.errors import UserError
from mmresnet.weights.names.recognise import wrapped_state_dicts

KEY = "temperature"
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")


def temperature_of(checkpoint: Mapping[str, Any]) -> float | None:
    """Return the temperature in what a file of weights holds, None if it is not calibrated.

    Raises:
        UserError: It is no positive number.
    """
    from mmresnet.weights.formats.files import METADATA

    for place in ("meta", METADATA):
        meta = checkpoint.get(place)
        if isinstance(meta, Mapping) and KEY in meta:
            return _positive(meta[KEY])
    return None


def _positive(given: Any) -> float:
    try:
        value = float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 < value < math.inf:
        raise UserError(
            f"The checkpoint has the temperature {given!r}, which is no positive number: write it "
            "again with mmresnet calibrate."
        )
    return value


def check_target(source: str, target: str | os.PathLike[str] | None) -> Path:
    """Return where a calibrated copy of ``source`` goes: to ``target``, by default in its place.

    Raises:
        UserError: ``source`` is a name or an address, or a published file, whose name has its hash;
            or ``target`` has another format, or is in a folder that does not exist.
    """
    from mmresnet.weights.checkpoint import SCHEMES
    from mmresnet.weights.hub.download import digest

    if target is None:
        if source.startswith(SCHEMES):
            raise UserError(f"'{source}' is not a file here: name one to write, --out FILE.pth.")
        found = _HASH_IN_NAME.search(Path(source).name)
        if found and digest(Path(source)).startswith(found[1]):
            raise UserError(
                f"The name of '{source}' has the hash of its content, which would change: name "
                "another file, --out FILE.pth."
            )
        return Path(source)
    path = Path(target)
    if path.suffix not in (".pth", ".safetensors"):
        raise UserError(f"--out: weights are written as .pth or .safetensors, not as '{path}'.")
    if not path.parent.is_dir():
        raise UserError(f"--out: there is no folder '{path.parent}': make it first.")
    return path


def store_temperature(
    source: str | os.PathLike[str], target: str | os.PathLike[str], temperature: float
) -> None:
    """Write what ``source`` holds to ``target``, with the temperature; nothing else changes.

    Args:
        source: A file of weights.
        target: The same file, or another one of its format.

    Raises:
        UserError: The formats differ, or the file cannot be written; then ``target`` is unchanged.
    """
    from mmresnet.weights.formats.detect import HEAD_SIZE, detect_format
    from mmresnet.weights.formats.files import METADATA, read_weights, write_weights

    with open(source, "rb") as file:
        form = detect_format(file.read(HEAD_SIZE))
    is_safetensors = Path(target).suffix == ".safetensors"
    if form == "pickle" or is_safetensors != (form == "safetensors"):
        kind = {"safetensors": "safetensors", "pickle": "NumPy arrays"}.get(form, "torch.save")
        raise UserError(
            f"'{source}' is a file of {kind}, and '{target}' would be one of another format: write "
            "it in that format first, with mmresnet convert."
        )
    if is_safetensors:
        tensors = read_weights(source)
        metadata = tensors.pop(METADATA, {})
        write_weights(target, tensors, {**metadata, KEY: repr(temperature)})
    else:
        _store_in_checkpoint(source, target, temperature)


def _store_in_checkpoint(
    source: str | os.PathLike[str], target: str | os.PathLike[str], temperature: float
) -> None:
    """Rewrite a file of torch.save with all that it holds, states of a training included."""
    import torch

    from mmresnet.atomic import atomic_write
    from mmresnet.weights.formats.torch_files import allow_history_buffer, load_values

    allow_history_buffer()
    content = load_values(source, "cpu")
    if not wrapped_state_dicts(content):  # tensors by name alone
        content = {"state_dict": content}
    meta = content.get("meta")
    content["meta"] = {**(meta if isinstance(meta, Mapping) else {}), KEY: temperature}
    try:
        with atomic_write(target, "wb") as file:
            torch.save(content, file)
    except OSError as error:
        raise UserError(
            f"The weights cannot be written to '{target}': {error.strerror}; what was there before "
            "is left unchanged."
        ) from error
