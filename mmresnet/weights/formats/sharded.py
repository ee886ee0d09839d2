"""Checkpoints of torch's distributed checkpoint (DCP): folders that several processes wrote.

``iter_30.dcp/`` holds DCP's own ``.metadata`` and ``__RANK_0.distcp``, which any tool of torch's
reads; ``state.pth``, the rest of the checkpoint, in which names stand in the place of the sharded
tensors; and ``checksums.json``, which is written last.
"""

from __future__ import annotations

import inspect
import json
import os
import pickle
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta, TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load, load_state_dict

from mmresnet.weights.formats.detect import AGAIN, FormatError, reported_for
from mmresnet.weights.formats.files import read_weights

SUFFIX = ".dcp"
METADATA, STATE, CHECKSUMS = ".metadata", "state.pth", "checksums.json"
_MARK = "sharded tensor "  # what a string in the place of a tensor begins with
_BLOCK = 2**20  # bytes
# torch 2.6 lets no_dist be said to the older of these alone
_load: Any = load if "no_dist" in inspect.signature(load).parameters else load_state_dict
# what DCP pickles; anything else in ``.metadata`` is refused, so that reading it runs no code
_TYPES = {
    ("pathlib", "PosixPath"),
    ("pathlib", "PurePosixPath"),
    ("pathlib", "WindowsPath"),
    ("torch", "Size"),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    ("torch.distributed.checkpoint.metadata", "ChunkStorageMetadata"),
    ("torch.distributed.checkpoint.metadata", "Metadata"),
    ("torch.distributed.checkpoint.metadata", "MetadataIndex"),
    ("torch.distributed.checkpoint.metadata", "StorageMeta"),
    ("torch.distributed.checkpoint.metadata", "TensorProperties"),
    ("torch.distributed.checkpoint.metadata", "TensorStorageMetadata"),
    ("torch.distributed.checkpoint.metadata", "_MEM_FORMAT_ENCODING"),
    ("torch.serialization", "_get_layout"),
}


def is_sharded(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder of DCP that a training has written, whole or not."""
    folder = Path(path)
    return folder.is_dir() and (folder.suffix == SUFFIX or (folder / CHECKSUMS).is_file())


def checksum(path: str | os.PathLike[str]) -> list[int]:
    """Return the size and the CRC-32 of a file."""
    size = value = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            size, value = size + len(block), zlib.crc32(block, value)
    return [size, value]


def damage(folder: str | os.PathLike[str]) -> str | None:
    """Return what is wrong with a folder, as "lacks its file …", or None if it is intact."""
    folder = Path(folder)
    try:
        expected = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        for name, known in expected.items():
            found = checksum(folder / name)
            if found != known:
                wrong = "does not match its checksum"
                if found[0] < known[0]:
                    wrong = f"is cut off after {found[0]:,} of {known[0]:,} bytes"
                return f"is damaged: its file '{name}' {wrong}"
    except FileNotFoundError as error:
        return f"is not complete: it lacks its file '{Path(str(error.filename)).name}'"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except (ValueError, AttributeError):
        return f"is damaged: its file '{CHECKSUMS}' is no list of checksums"
    return None


def split(value: Any, is_split: Callable[[Any], bool]) -> tuple[Any, dict[str, Tensor]]:
    """Return nested dicts and lists with names in the place of some tensors, and these by name."""
    tensors: dict[str, Tensor] = {}

    def walk(part: Any, path: tuple[Any, ...]) -> Any:
        if is_split(part):
            name = ".".join(map(str, path))
            tensors[name] = part
            return _MARK + name
        if type(part) in (dict, OrderedDict):  # a Counter, of a schedule's milestones, is neither
            copied = type(part)((key, walk(item, (*path, key))) for key, item in part.items())
            if hasattr(part, "__dict__"):  # a state dict's _metadata
                vars(copied).update(vars(part))
            return copied
        if type(part) in (list, tuple):
            return type(part)(walk(item, (*path, i)) for i, item in enumerate(part))
        return part

    return walk(value, ()), tensors


def join(value: Any, tensor_at: Callable[[str, tuple[Any, ...]], Any]) -> Any:
    """Undo :func:`split`.

    Args:
        tensor_at: Gives what stands in the place of a name, from the name and the keys to it.
    """

    def walk(part: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(part, str) and part.startswith(_MARK):
            return tensor_at(part.removeprefix(_MARK), path)
        if isinstance(part, dict):
            for key, item in part.items():
                part[key] = walk(item, (*path, key))
            return part
        if type(part) in (list, tuple):
            return type(part)(walk(item, (*path, i)) for i, item in enumerate(part))
        return part

    return walk(value, ())


def read_state(folder: str | os.PathLike[str]) -> dict[Any, Any]:
    """Return a checkpoint with names in the place of its sharded tensors.

    Raises:
        UserError: A file is missing, or holds something else.
    """
    return read_weights(Path(folder, STATE))


def read_tensors(folder: str | os.PathLike[str], targets: Mapping[str, Tensor]) -> None:
    """Read tensors into ``targets``; of a DTensor, this process reads its own shard alone.

    Raises:
        UserError: The folder has no such tensor, or it is damaged.
    """
    with reported_for(f"The checkpoint '{folder}'"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that each process reads by itself, which is meant so
        try:
            _load(dict(targets), storage_reader=_Reader(folder), no_dist=True)
        except (FormatError, MemoryError):
            raise
        except Exception as error:  # of many kinds; DCP wraps it in one of its own
            raise FormatError(f"cannot be read ({_first_line(error)}): {AGAIN}.") from error


def shapes(folder: str | os.PathLike[str]) -> dict[str, TensorStorageMetadata]:
    """Return what is known of each sharded tensor: its ``size`` and ``properties``."""
    with reported_for(f"The checkpoint '{folder}'"):
        known = _Reader(folder).read_metadata().state_dict_metadata
    return {name: one for name, one in known.items() if isinstance(one, TensorStorageMetadata)}


def read_sharded(
    folder: str | os.PathLike[str], map_location: str | torch.device = "cpu"
) -> dict[Any, Any]:
    """Return the checkpoint of a folder as one process would have saved it, with whole tensors.

    Raises:
        UserError: A file is missing or damaged, or names something that could run.
    """
    with reported_for(f"The checkpoint '{folder}'"):
        wrong = damage(folder)
        if wrong is not None:
            raise FormatError(f"{wrong}: give another one, or save it again.")
    tensors = {
        name: torch.empty(one.size, dtype=one.properties.dtype)
        for name, one in shapes(folder).items()
    }
    read_tensors(folder, tensors)
    return join(read_state(folder), lambda name, _: tensors[name].to(map_location))


class _Reader(FileSystemReader):
    """torch's reader, whose unpickling of the metadata would run any code in them."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        try:
            with open(Path(self.path, METADATA), "rb") as file:
                metadata = _Unpickler(file).load()
        except (FormatError, MemoryError):
            raise
        except Exception as error:  # of many kinds
            raise FormatError(
                f"has metadata that cannot be read ({_first_line(error)})."
            ) from error
        if not isinstance(metadata, Metadata):
            raise FormatError("has metadata of something else.")
        metadata.storage_meta = metadata.storage_meta or StorageMeta()
        metadata.storage_meta.load_id = self.load_id
        for info in (metadata.storage_data or {}).values():
            if Path(info.relative_path).name != info.relative_path:
                raise FormatError(f"names a file outside of it ('{info.relative_path}').")
        return metadata


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        if (module, name) not in _TYPES:
            raise FormatError(
                f"names '{module}.{name}' in its metadata, which could run: nothing in it was run."
            )
        return super().find_class(module, name)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
