"""Which checkpoint files are intact, and which of them is the newest."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mmengine.dist import broadcast_object_list, is_main_process

from mmresnet.engine.terminal import announce
from mmresnet.errors import UserError
from mmresnet.weights.formats.files import read_weights

if TYPE_CHECKING:
    from mmengine.runner import Runner

MARKER = "last_checkpoint"


def damage(path: str | os.PathLike[str]) -> str | None:
    """Return what is wrong with a checkpoint file, as "is cut off", or None if it is intact.

    An archive of torch.save is read once, to compare the checksum of each record, which torch
    itself does not do, and so is each file of a folder of shards; a file of another format is
    loaded.
    """
    try:
        if os.path.isdir(path):
            return _sharded().damage(path)
        if os.path.getsize(path) == 0:
            return "is empty"
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                record = archive.testzip()
            return (
                f"is damaged: its record '{record}' does not match its checksum" if record else None
            )
        with open(path, "rb") as file:
            if file.read(4) == b"PK\x03\x04":
                return "is cut off"
        read_weights(path, "meta")
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except MemoryError:
        raise
    except Exception as error:  # a damaged archive fails in many ways
        if isinstance(error, UserError):  # "The file '…' is …: what to do."
            return str(error).partition(f"'{path}' ")[2].partition(": ")[0].rstrip(".")
        return f"is damaged: {error}"
    return None


@dataclass
class Newest:
    """What a search for the newest intact checkpoint has found.

    Attributes:
        path: The checkpoint, if there is one.
        damaged: Files that could not be taken, and what is wrong with each.
    """

    path: str | None = None
    damaged: dict[str, str] = field(default_factory=dict)


def find_newest(*folders: str | os.PathLike[str], without: str | None = None) -> Newest:
    """Return the newest checkpoint in ``folders`` from which a training can go on.

    That is the one which ``last_checkpoint`` names, or else, of the files that hold the state of an
    optimizer, that of the most iterations.

    Args:
        without: A file that is not considered.
    """
    found = Newest()
    skipped = {os.path.abspath(without)} if without else set()
    for folder in folders:
        named = _named_in(Path(folder))
        if named is not None and os.path.abspath(named) not in skipped:
            wrong = damage(named)
            if wrong is None:
                found.path = str(named)
                return found
            found.damaged[str(named)] = wrong
            skipped.add(os.path.abspath(named))
    candidates = []
    for path in dict.fromkeys(one for folder in folders for one in _candidates(Path(folder))):
        if os.path.abspath(path) in skipped:
            continue
        try:
            content = _sharded().read_state(path) if path.is_dir() else read_weights(path, "meta")
            meta = content.get("meta")
            if "optimizer" in content and isinstance(meta, dict) and "iter" in meta:
                candidates.append((meta["iter"], path.stat().st_mtime_ns, str(path)))
        except (UserError, OSError):
            wrong = damage(path)
            if wrong is not None:
                found.damaged[str(path)] = wrong
    for *_, candidate in sorted(candidates, reverse=True):
        wrong = damage(candidate)
        if wrong is None:
            found.path = candidate
            break
        found.damaged[candidate] = wrong
    return found


def _named_in(folder: Path) -> Path | None:
    """Return the checkpoint that ``last_checkpoint`` names, if both exist."""
    try:
        text = (folder / MARKER).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    # a relative path holds in the folder that the training was started in
    for path in (Path(text), folder / Path(text).name):
        if text and (path.is_file() or path.is_dir()):
            return path
    return None


def _candidates(folder: Path) -> Iterator[Path]:
    """Yield the files of checkpoints in a folder, and the folders of sharded ones."""
    yield from folder.glob("*.pth")
    yield from (one for one in folder.glob("*.dcp") if one.is_dir() and one.name[0] != ".")


def _sharded() -> ModuleType:
    """Return the module for folders of shards, which only these need: it takes long to import."""
    from mmresnet.weights.formats import sharded

    return sharded


def check_intact(path: str) -> None:
    """Check a checkpoint on the disk that a training is to go on from; others are not read.

    Raises:
        UserError: It is damaged; the newest intact one in its folder is named.
    """
    if not os.path.exists(path):
        return
    wrong = damage(path)
    if wrong is None:
        return
    other = find_newest(Path(path).parent, without=path).path
    instead = f"the newest intact one beside it is '{other}'" if other else "no other is beside it"
    raise UserError(f"The checkpoint '{path}' {wrong}; {instead}.")


def choose_checkpoint(runner: Runner, *folders: str) -> None:
    """Let a Runner that is to resume from its newest checkpoint do so from the newest intact one.

    The first process of a run chooses for all. What is damaged is a warning. Without a checkpoint
    the training starts from the beginning.

    Raises:
        UserError: All checkpoints are damaged, or the one that is given is.
    """
    if not runner._resume:
        return
    if runner._load_from is not None:
        if getattr(runner, "checkpoint", None) is None:  # else it has been read, and so checked
            check_intact(runner._load_from)
        return
    shared = [find_newest(*folders) if is_main_process() else None]
    broadcast_object_list(shared)
    found: Any = shared[0]
    damaged = [f"The checkpoint '{path}' {wrong}." for path, wrong in found.damaged.items()]
    if found.path is None and damaged:
        raise UserError(
            f"No checkpoint in '{folders[0]}' is intact. {' '.join(damaged)} To start from the "
            "beginning, move them elsewhere."
        )
    for text in damaged:
        runner.logger.warning(text)
    if found.path is not None:
        announce(runner.logger, f"Resuming from '{found.path}'.")
        runner._load_from = found.path
        return
    announce(
        runner.logger,
        f"There is no checkpoint in '{folders[0]}' to resume from: the training starts from the "
        "beginning.",
    )
    runner._resume = False
    if hasattr(runner, "start_anew"):
        runner.start_anew()
