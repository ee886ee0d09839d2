"""Any file of weights, read without running what it holds, and written whole or not at all.

A file is what its content is, whatever its suffix: an archive or a pickle of torch.save's, a pickle
of NumPy arrays as Detectron's and detectron2's are, or safetensors.
"""

from __future__ import annotations

import importlib.util
import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mmresnet.atomic import atomic_write
from mmresnet.errors import (
    UserError,
    UserFileNotFoundError,
    UserTypeError,
    UserValueError,
    did_you_mean,
)
from mmresnet.weights.formats import kinds
from mmresnet.weights.formats.archives import check_archive
from mmresnet.weights.formats.claims import check_claims
from mmresnet.weights.formats.kinds import UnfitError
from mmresnet.weights.formats.values import tensors_of

if TYPE_CHECKING:
    import torch

METADATA = "__metadata__"  # safetensors' own word for it
_SUFFIXES = (".safetensors", ".pth", ".pkl", ".bin", ".pt", ".th", ".tar")


def read_weights(
    path: str | os.PathLike, map_location: str | torch.device = "cpu"
) -> dict[Any, Any]:
    """Return what a file of weights holds: dicts of tensors and plain values, as they lie in it.

    NumPy arrays come back as tensors. Of safetensors it is ``{name: tensor}``, and the metadata, if
    there are any, as a dict of str under ``"__metadata__"``.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It holds no weights, or is cut off, or names something that could run, or asks
            for more memory than its size: a sentence that says what it is and what to do.
    """
    path = Path(path).expanduser()
    with _telling(path), _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(kinds.HEAD)
        file.seek(0)
        kind = kinds.recognise(head, size)
        if kind == "safetensors":
            content = _read_safetensors(file, size, path)
        elif kind == "pickle":
            from mmresnet.weights.formats.pickles import read_arrays

            content = read_arrays(file, size)
        else:
            if kind == "archive":
                check_archive(file, size, str(path))
            else:
                check_claims(file, size)
            content = _read_torch(file, map_location)
        return tensors_of(content, map_location)


def write_weights(
    path: str | os.PathLike,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str],
    key: str = "state_dict",
    beside: Mapping[str, bool] | None = None,
) -> None:
    """Write tensors as safetensors or, with the suffix ``.pth``, by torch.save.

    The file appears under its name when all of it is on the disk; until then, and if anything
    fails, what was there before stays. A ``.pth`` holds ``{key: tensors, "meta": metadata}`` and
    what else is to lie ``beside`` them.

    Raises:
        UserError: The suffix is another, or the file cannot be written.
        TypeError: Something given is no tensor, or a name or metadata no text.
    """
    import torch

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
        raise UserTypeError(f"Metadata are texts by name, not {dict(metadata)!r}.")
    if METADATA in tensors:
        raise UserValueError(
            f"A tensor cannot be called '{METADATA}': metadata are given beside them."
        )
    # copies, since a tensor may be a part of a larger storage, or share it with another
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    if path.suffix == ".safetensors":
        from safetensors.torch import save

        content = save(tensors, metadata=dict(metadata) or None)
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
            "is as it was."
        ) from error


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except UnfitError as error:
        raise UserError(f"The file '{path}' {error}") from error


def _opened(path: Path) -> BinaryIO:
    """Open a file that can be read from end to end; a pipe or a device would never come to one."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            inside = sorted(one.name for one in path.iterdir() if one.suffix in _SUFFIXES)
            such_as = f", such as '{path / inside[0]}'" if inside else ""
            raise UnfitError(f"is a folder: give a file of weights in it{such_as}.")
        if not stat.S_ISREG(mode):
            raise UnfitError("is a pipe or a device, and no file: copy what comes out of it first.")
        return path.open("rb")
    except FileNotFoundError as error:
        beside = os.listdir(path.parent) if path.parent.is_dir() else ()
        raise UserFileNotFoundError(
            f"There is no file of weights '{path}'.{did_you_mean(path.name, beside)}"
        ) from error
    except OSError as error:
        raise UnfitError(f"cannot be read: {error.strerror}.") from error


def _read_torch(file: BinaryIO, map_location: object) -> Any:
    from mmresnet import compat
    from mmresnet.compat.checkpoints import load_checkpoint_file

    if importlib.util.find_spec("mmengine"):
        compat.apply()  # which lets its checkpoints' own types through
    file.seek(0)
    try:
        return load_checkpoint_file(file, map_location)
    except UserError as error:
        told = "".join(filter(str.isprintable, str(error)))  # names in a file can be anything
        raise UnfitError(told.removeprefix("The checkpoint ")) from error


def _read_safetensors(file: BinaryIO, size: int, path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    header = int.from_bytes(file.read(8), "little")
    if header > size - 8:
        raise UnfitError(
            f"is a safetensors file that claims a header of {header:,} bytes, where it has "
            f"{size:,} in all: it is cut off or damaged. Fetch or write it again."
        )
    try:
        with safe_open(path, framework="pt") as opened:
            # copies, since those of the library change and vanish with the file
            content = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
            metadata = opened.metadata()
    except (OSError, MemoryError):
        raise
    except Exception as error:  # SafetensorError, and what an unknown type of numbers trips
        raise UnfitError(
            f"is a safetensors file that is cut off or damaged ({error}). Fetch or write it again."
        ) from error
    return content | ({METADATA: metadata} if metadata else {})
