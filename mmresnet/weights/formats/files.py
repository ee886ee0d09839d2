"""Reading a file of weights of any format, without running what it holds; writing one.

The format is detected from the content, whatever the suffix: an archive or a pickle of torch.save,
a pickle of NumPy arrays as Detectron's and detectron2's are, or safetensors.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from mmresnet.atomic import atomic_write
from mmresnet.errors import (
    UserError,
    UserFileNotFoundError,
    UserTypeError,
    UserValueError,
    did_you_mean,
)
from mmresnet.weights.formats.detect import (
    AGAIN,
    HEAD_SIZE,
    RESAVE,
    FormatError,
    detect_format,
    reported_for,
    shorten,
)
from mmresnet.weights.formats.numpy_pickles import Array, NumpyReader
from mmresnet.weights.formats.torch_archives import check_archive
from mmresnet.weights.formats.torch_files import load_values
from mmresnet.weights.formats.torch_pickles import check_torch_pickles

METADATA = "__metadata__"  # safetensors' own name for it
_MAX_DEPTH = 64  # checkpoints nest their values less than ten deep
_SUFFIXES = (".safetensors", ".pth", ".pkl", ".bin", ".pt", ".th", ".tar")


def read_weights(
    path: str | os.PathLike[str], map_location: str | torch.device = "cpu"
) -> dict[Any, Any]:
    """Return what a file of weights holds: dicts of tensors and plain values, as they are in it.

    NumPy arrays are returned as tensors. From safetensors it is ``{name: tensor}``, with the
    metadata, if there are any, as a dict of str under ``"__metadata__"``.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It holds no weights, or is cut off, or names something that could run, or asks
            for more memory than its size; the message says what it is and what to do.
    """
    path = Path(path).expanduser()
    with reported_for(f"The file '{path}'"), _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        detected = detect_format(file.read(HEAD_SIZE))
        file.seek(0)
        if detected == "safetensors":
            content = _read_safetensors(path)
        elif detected == "pickle":
            content = NumpyReader(file, size).load()
        else:
            if detected == "archive":
                check_archive(file, size, str(path))
            else:
                check_torch_pickles(file, size)
            file.seek(0)
            content = load_values(file, map_location)
        return _to_tensors(content, map_location)


def _open(path: Path) -> BinaryIO:
    """Open a regular file; a pipe or a device may never end."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            inside = sorted(one.name for one in path.iterdir() if one.suffix in _SUFFIXES)
            such_as = f", such as '{path / inside[0]}'" if inside else ""
            raise FormatError(f"is a folder: give a file of weights in it{such_as}.")
        if not stat.S_ISREG(mode):
            raise FormatError("is a pipe or a device, not a file: copy its output to a file first.")
        return path.open("rb")
    except FileNotFoundError as error:
        beside = os.listdir(path.parent) if path.parent.is_dir() else ()
        raise UserFileNotFoundError(
            f"There is no file of weights '{path}'.{did_you_mean(path.name, beside)}"
        ) from error
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}.") from error


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            # copies, since those of the library change and vanish with the file
            content = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
            metadata = opened.metadata()
    except (OSError, MemoryError):
        raise
    except Exception as error:  # SafetensorError, and what an unknown dtype raises
        raise FormatError(
            f"is a safetensors file that is cut off or damaged ({shorten(str(error))}): {AGAIN}."
        ) from error
    return content | ({METADATA: metadata} if metadata else {})


def _to_tensors(content: object, device: str | torch.device) -> dict[Any, Any]:
    """Return ``content`` with its NumPy arrays as tensors, all tensors on ``device``.

    Arrays of text become lists. Dicts and lists are changed in place. What occurs twice stays one
    object.

    Raises:
        FormatError: It is not a dict, holds no tensor, or an array of something else.
    """
    if not isinstance(content, dict):
        raise FormatError(
            f"holds a {type(content).__name__}, but weights are a dict of tensors by name: save "
            "it again by torch.save(model.state_dict(), 'weights.pth')."
        )
    converted: dict[int, tuple[object, object]] = {}  # by id; the originals keep their ids

    def convert(value: object, depth: int) -> object:
        if depth > _MAX_DEPTH:
            raise FormatError(f"nests its values more than {_MAX_DEPTH} deep: {RESAVE}.")
        if id(value) in converted:
            return converted[id(value)][1]
        result = value
        if isinstance(value, (Array, np.ndarray)):
            result = _from_array(value.values if isinstance(value, Array) else value, device)
        elif isinstance(value, np.generic):
            result = value.item()
        elif isinstance(value, torch.Tensor):
            result = value.to(device)
        elif isinstance(value, (dict, list)):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                value[key] = convert(item, depth + 1)
        elif type(value) is tuple:
            result = tuple(convert(item, depth + 1) for item in value)
        converted[id(value)] = value, result
        return result

    convert(content, 0)
    if not any(isinstance(result, torch.Tensor) for _, result in converted.values()):
        named = [f"'{shorten(key, 40)}'" for key in list(content)[:4] if isinstance(key, str)]
        entries = f"its entries are {', '.join(named)}" if named else "it has no entries by name"
        raise FormatError(
            f"holds no tensor ({entries}): give the file that the weights were saved to."
        )
    return content


def _from_array(array: np.ndarray, device: str | torch.device) -> torch.Tensor | list[Any]:
    try:
        if array.dtype.kind in "US":
            return array.tolist() if array.size else []
        native = array.dtype.newbyteorder("=")
        return torch.from_numpy(np.array(array, dtype=native, order="C")).to(device)
    except (TypeError, SystemError) as error:  # the latter of text that is not Unicode
        raise FormatError(
            f"holds an array of the type '{array.dtype}', but weights are numbers: {RESAVE}."
        ) from error


def write_weights(
    path: str | os.PathLike[str],
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str],
    key: str = "state_dict",
    beside: Mapping[str, bool] | None = None,
) -> None:
    """Write tensors as safetensors or, with the suffix ``.pth``, by torch.save.

    The write is atomic: until it is complete, and if it fails, what was there before is left
    unchanged. A ``.pth`` holds ``{key: tensors, "meta": metadata}`` and what is ``beside`` them.

    Raises:
        UserError: The suffix is another, or the file cannot be written.
        TypeError: A value is not a tensor, or a name or metadata is not a str.
    """
    path = Path(path).expanduser()
    if path.suffix not in (".safetensors", ".pth"):
        raise UserError(
            f"Weights are written as .safetensors or .pth, and not as '{path.name}'."
            + did_you_mean(path.suffix, (".safetensors", ".pth"))
        )
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise UserTypeError(
                f"Weights are tensors by name; '{name}' is a {type(value).__name__}, with a name "
                f"of the type {type(name).__name__}."
            )
    if not all(isinstance(text, str) for item in metadata.items() for text in item):
        raise UserTypeError(f"Metadata are str by name, not {dict(metadata)!r}.")
    if METADATA in tensors:
        raise UserValueError(
            f"A tensor cannot be called '{METADATA}': metadata are a separate argument."
        )
    # copies, since a tensor may be a part of a larger storage, or share it with another
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    if path.suffix == ".safetensors":
        from safetensors.torch import save

        content: bytes | memoryview = save(tensors, metadata=dict(metadata) or None)
    else:
        buffer = io.BytesIO()
        torch.save({key: tensors, "meta": dict(metadata), **(beside or {})}, buffer)
        content = buffer.getbuffer()
    try:
        with atomic_write(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise UserError(
            f"The weights cannot be written to '{path}': {error.strerror}; what was there before "
            "is left unchanged."
        ) from error
