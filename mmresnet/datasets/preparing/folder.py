"""Writing the files of a data set's archives to the folder that recipes read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from mmresnet.datasets.preparing.archive import Archive, Members
from mmresnet.datasets.preparing.data_set import DataSet, Download, Target, find
from mmresnet.datasets.preparing.record import FOLDER, Finished, Record, State
from mmresnet.datasets.preparing.writing import File, check_room, write_all
from mmresnet.datasets.resumable import PARTIAL, explained
from mmresnet.errors import UserError

Advance = Callable[[int], object]
Bar = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass
class Report:
    """What a folder holds of a data set.

    Attributes:
        files, bytes: Of the data set, as far as there are archives of it.
        kept: How many of the files earlier runs have written.
        folders: The number of files in each folder, by its path.
        left_out: The number of files in each archive that belong to no recipe's data.
    """

    files: int
    bytes: int
    kept: int
    folders: dict[str, int]
    left_out: dict[str, int] = field(default_factory=dict)


class Preparation:
    """A data set that is written to a folder, from the archives that another folder holds.

    Args:
        name: Of the data set, for the record.
        source: It is only read.
        target: It may hold other files; none is replaced.
        verify: Refuse an archive without its published checksum.

    Attributes:
        found: The archives in ``source``.

    Raises:
        UserError: ``source`` holds no archive of the data set, or not what one of them needs.
    """

    def __init__(
        self, data_set: DataSet, name: str, source: Path, target: Path, verify: bool = True
    ) -> None:
        self.found: list[Download] = find(data_set, source)
        self._data_set, self._source, self._target = data_set, source, target
        self._name, self._verify = name, verify
        self._states = {one.file: State.of(source / one.file) for one in self.found}
        self._report = Report(0, 0, 0, {})

    def run(self, workers: int, bar: Bar) -> Report:
        """Write what is not there yet.

        Args:
            workers: Threads that write.
            bar: Called with a title and a number of bytes; it shows how many are done.

        Raises:
            UserError: An archive is damaged or not the published one, a file is there already with
                another content, or there is no room. What is done is kept.
        """
        if self._target.exists() and not self._target.is_dir():
            raise UserError(f"'{self._target}' is a file: give a folder, which need not exist.")
        with ExitStack() as exits:
            with explained(self._target):
                (self._target / FOLDER).mkdir(parents=True, exist_ok=True)
                try:
                    exits.enter_context(FileLock(self._target / FOLDER / "lock", timeout=0))
                except Timeout as error:
                    raise UserError(
                        f"Another process is writing to '{self._target}': wait until it has ended."
                    ) from error
                record = Record(self._target, self._name)
                exits.callback(record.close)
                if (finished := record.finished) and self._is_complete(record, finished):
                    self._data_set.finish(self._target)
                    files = sum(finished.folders.values())
                    return Report(files, finished.bytes, files, finished.folders)
            archives = self._read(record, bar, exits)
            waiting = self._plan(record, archives)
            with explained(self._target):
                self._write(record, archives, waiting, workers, bar)
        return self._report

    def _is_complete(self, record: Record, finished: Finished) -> bool:
        """Return whether a finished run had these archives, and all that it wrote is there."""
        for one in self.found:
            if finished.archives.get(one.file) != self._states[one.file]:
                return False
            if self._is_verified(one) > record.archives[one.file].verified:
                return False
        try:
            return all(
                len(os.listdir(self._target / folder)) >= count
                for folder, count in finished.folders.items()
            )
        except FileNotFoundError:
            return False

    def _is_verified(self, download: Download) -> bool:
        return self._verify and download.md5 is not None

    def _read(
        self, record: Record, bar: Bar, exits: ExitStack
    ) -> dict[str, tuple[Archive, Members]]:
        """Return all archives and their members; those that are new are read, small ones first."""
        size = {name: state.size for name, state in self._states.items()}
        ordered = sorted(self.found, key=lambda one: size[one.file])
        new = {
            one.file
            for one in self.found
            if not record.has_members(self._source / one.file, self._is_verified(one))
        }
        archives = {}
        with bar("reading", sum(size[name] for name in new)) as advance:
            for one in ordered:
                archive = self._data_set.open(self._source / one.file)
                exits.callback(archive.close)
                if one.file in new:
                    members = self._survey(archive, one, advance)
                    with explained(self._target):
                        record.set_members(archive.path, members, self._is_verified(one))
                else:
                    members = record.members(archive.path)
                archives[one.file] = archive, members
        return archives

    def _survey(self, archive: Archive, download: Download, advance: Advance) -> Members:
        checksum, left = hashlib.md5(usedforsecurity=False), self._states[download.file].size
        verified = self._is_verified(download)

        def observe(content: bytes) -> None:
            nonlocal left
            if verified:
                checksum.update(content)
            left -= len(content)
            advance(len(content))

        members = archive.survey(observe, every_byte=verified)
        advance(left)
        if verified and checksum.hexdigest() != download.md5:
            raise UserError(
                f"'{archive.path}' has the MD5 checksum {checksum.hexdigest()}, and the published "
                f"one has {download.md5}: download it again, or give --no-checksum if you know "
                "that it is another, good archive."
            )
        return members

    def _plan(
        self, record: Record, archives: dict[str, tuple[Archive, Members]]
    ) -> dict[str, list[File]]:
        """Return the files that are not there yet, by archive, and check that there is room."""
        targets = self._data_set.targets(archives)
        with explained(self._target):
            waiting = {
                name: self._waiting(archive.path, members, targets[name], record.is_written(name))
                for name, (archive, members) in archives.items()
                if name in targets
            }
            check_room(self._target, [file.size for files in waiting.values() for file in files])
        return waiting

    def _waiting(
        self, archive: Path, members: Members, rule: Target, written: list[bool]
    ) -> list[File]:
        # a file may be twice in a tar file, and the later one counts
        paths = [rule(name) for name in members.names]
        numbers = {path: number for number, path in enumerate(paths) if path is not None}
        if not numbers:
            raise UserError(
                f"'{archive}' holds no file of the data set (the first is "
                f"'{next(iter(members.names), '')}'): it is another archive."
            )
        report, waiting = self._report, []
        if left_out := paths.count(None):
            report.left_out[archive.name] = left_out
        for path, number in numbers.items():
            size, folder = members.sizes[number], os.path.dirname(path)
            report.files += 1
            report.bytes += size
            report.folders[folder] = report.folders.get(folder, 0) + 1
            if number < len(written) and written[number] and _size(self._target / path) == size:
                report.kept += 1
            else:
                waiting.append(File(number, path, size))
        return sorted(waiting)

    def _write(
        self,
        record: Record,
        archives: dict[str, tuple[Archive, Members]],
        waiting: dict[str, list[File]],
        workers: int,
        bar: Bar,
    ) -> None:
        for folder in self._report.folders:
            (self._target / folder).mkdir(parents=True, exist_ok=True)
        total = sum(file.size for files in waiting.values() for file in files)
        with bar("writing", total) as advance:
            for name, files in waiting.items():  # one after the other: two may hold the same file
                for first, last, count in write_all(*archives[name], files, self._target, workers):
                    record.add_written(name, first, last)
                    advance(count)
        self._data_set.finish(self._target)
        folders = self._report.folders
        for folder in folders:
            names = os.listdir(self._target / folder)
            left = [name for name in names if name.startswith(PARTIAL)]  # by a killed run
            for name in left:
                (self._target / folder / name).unlink()
            folders[folder] = min(folders[folder], len(names) - len(left))  # if two hold a file
        self._report.files = sum(folders.values())
        os.sync()  # before the record says that all is there
        record.finish(Finished(self._states, folders, self._report.bytes))


def _size(path: Path) -> int | None:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None
