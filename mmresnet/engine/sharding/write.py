"""Writing of a sharded checkpoint by all processes: a whole folder, or none."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.state_dict_saver import save

from mmresnet.atomic import sync_folder
from mmresnet.weights.formats.sharded import CHECKSUMS, METADATA, STATE, checksum


def write_sharded(path: str, tensors: Mapping[str, Tensor], state: Any, group: Any) -> None:
    """Write a checkpoint as a folder; all processes call this, in a thread of their own.

    Each writes the shards that it has into a folder of another name, and flushes them to the disk.
    The first one adds the rest and the checksums, and renames it.

    Args:
        path: The folder.
        tensors: The sharded ones by name, on the CPU.
        state: The rest of the checkpoint, which the first process writes.
        group: Of all processes, for the messages of this alone.

    Raises:
        OSError: A process could not write, or the first one not rename.
    """
    first = distributed.get_rank(group) == 0
    made = _told(_begin(path) if first else None, group)
    partial = Path(made)
    try:
        save(
            dict(tensors),
            storage_writer=_Writer(partial, sync_files=True),
            process_group=group,
        )
        sums = _gather(_own_checksums(partial, distributed.get_rank(group)), group)
        if first:
            _finish(partial, Path(path), state, {k: v for one in sums for k, v in one.items()})
    except CheckpointException as error:
        raise _first_failure(error) from error
    finally:
        if first:
            shutil.rmtree(partial, ignore_errors=True)  # it is gone if it has been renamed


def remove_folder(path: str | os.PathLike[str]) -> None:
    """Remove a folder, which a process that is killed meanwhile leaves under another name."""
    path = Path(path)
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    path.rename(aside)  # onto an empty folder
    shutil.rmtree(aside)


def _begin(path: str) -> str | OSError:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return tempfile.mkdtemp(prefix=f".{Path(path).name}-", dir=Path(path).parent)
    except OSError as error:
        return error


def _told(made: str | OSError | None, group: Any) -> str:
    """Return the folder that the first process has made, or raise why it could not."""
    shared: list[Any] = [made]
    distributed.broadcast_object_list(shared, group=group, group_src=0)
    if isinstance(shared[0], OSError):
        raise shared[0]
    return shared[0]


def _own_checksums(folder: Path, rank: int) -> dict[str, list[int]] | OSError:
    try:
        return {one.name: checksum(one) for one in sorted(folder.glob(f"__{rank}_*"))}
    except OSError as error:
        return error


def _gather(own: dict[str, list[int]] | OSError, group: Any) -> list[dict[str, list[int]]]:
    gathered: list[Any] = [None] * distributed.get_world_size(group)
    distributed.all_gather_object(gathered, own, group=group)
    for one in gathered:
        if isinstance(one, OSError):
            raise one
    return gathered


def _finish(partial: Path, path: Path, state: Any, sums: dict[str, list[int]]) -> None:
    with _synced(partial / STATE) as file:
        torch.save(state, file)
    for name in (METADATA, STATE):
        sums[name] = checksum(partial / name)
    with _synced(partial / CHECKSUMS) as file:
        file.write(json.dumps(sums, indent=1).encode())
    partial.chmod(0o755)  # mkdtemp's folders are the owner's alone
    sync_folder(partial)
    if path.is_dir():  # of a run that has been here before
        remove_folder(path)
    partial.rename(path)
    sync_folder(path.parent)


class _synced:
    """A new file that is on the disk once it is closed."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "wb")  # noqa: SIM115  closed below

    def __enter__(self) -> Any:
        return self._file

    def __exit__(self, kind: Any, *_: Any) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())


class _Writer(FileSystemWriter):
    """torch's writer, whose errors keep what the system said on the way to another process."""

    def write_data(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().write_data(*args, **kwargs)
        except Exception as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, OSError):
                cause = cause.__cause__ or cause.__context__
            if cause is None:
                raise
            raise OSError(cause.errno, cause.strerror) from None


def _first_failure(error: CheckpointException) -> BaseException:
    """Return an error of a process that says what the system said, if there is one."""
    failures = [failure[0] for failure in error.failures.values()]
    return next((one for one in failures if isinstance(one, OSError)), failures[0])
