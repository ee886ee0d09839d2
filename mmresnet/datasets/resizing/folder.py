"""A copy of a folder of images with smaller images, under the same names."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mmresnet.datasets.image_files import IMAGE_SUFFIXES, is_passed_over
from mmresnet.datasets.resizing.image import Settings
from mmresnet.datasets.resizing.record import Entry, Record
from mmresnet.datasets.resizing.work import Image, Work
from mmresnet.datasets.resumable import PARTIAL, explained, write
from mmresnet.errors import UserError

# lists of images, names of classes and the like: names stay, so these stay valid
_TEXTS = (".csv", ".json", ".jsonl", ".lst", ".md", ".tsv", ".txt", ".yaml", ".yml")


@dataclass
class Report:
    """What a folder of resized images holds; paths are below the folders.

    Attributes:
        images: The number of images in the source.
        resized, copied: How many of these are smaller, and are as they were.
        kept: How many of both an earlier run has made.
        source_bytes, bytes: Of the images that are done, before and after.
        bad: Reasons, by the path of an image that cannot be used.
        not_copied: Other files of the source, but for text.
        unknown: Files in the target that do not come from the source as it is.
    """

    images: int = 0
    resized: int = 0
    copied: int = 0
    kept: int = 0
    source_bytes: int = 0
    bytes: int = 0
    bad: dict[str, str] = field(default_factory=dict)
    not_copied: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def count(self, entry: Entry, kept: bool) -> None:
        """Count an image that is done."""
        self.kept += kept
        self.copied += entry.is_copy
        self.resized += not entry.is_copy
        self.source_bytes += entry.source_bytes
        self.bytes += entry.bytes


class ResizedFolder:
    """A folder of images, at any depth, of which a copy with smaller images is made.

    Args:
        source: It is only read.
        target: An empty folder, one that does not exist, or one that an earlier run has left.

    Raises:
        UserError: There is no image, or one folder lies in the other.
    """

    def __init__(self, source: Path, target: Path, settings: Settings) -> None:
        _check_places(source, target)
        self._source, self._target, self._settings = source, target, settings
        self._began = time.time()
        self.report = Report()
        self._folders: list[str] = []  # each before those in it
        self._images: list[Image] = []
        self._texts: list[str] = []
        self._search()
        self.report.images = len(self._images)
        if not self._images:
            raise UserError(
                f"There is no image in '{source}': file names must end in "
                f"{', '.join(IMAGE_SUFFIXES)}."
            )

    def make(self, workers: int, verify: bool = False) -> Iterator[int]:
        """Write what is not there yet; yield numbers of images that are done.

        Args:
            workers: Processes; 0 is this one.
            verify: Of what is there already, compare the checksum, and not the size alone.

        Raises:
            UserError: The target holds other files, or cannot be written. What is done is kept.
        """
        with explained(self._target):
            record = Record(self._target, self._settings)
            try:
                for folder in self._folders:
                    (self._target / folder).mkdir(exist_ok=True)
                self._copy_texts()
                yield from self._make_images(record, workers, verify)
            finally:
                record.close()
            self._search_target()

    def _make_images(self, record: Record, workers: int, verify: bool) -> Iterator[int]:
        known, waiting = record.entries, self._images
        there = {i.path: known[i.path] for i in waiting if self._is_there(i, known.get(i.path))}
        if not verify:
            yield len(there)
            for entry in there.values():
                self.report.count(entry, kept=True)
            waiting, there = [image for image in waiting if image.path not in there], {}
        work = Work(self._source, self._target, self._settings, waiting, there)
        for batch in work.results(workers):
            record.add((d.path, d.entry) for d in batch if d.entry and not d.kept)
            for done in batch:
                if done.error:
                    raise done.error
                if done.reason:
                    self.report.bad[done.path] = done.reason
                if done.entry:
                    self.report.count(done.entry, done.kept)
            yield len(batch)

    def _is_there(self, image: Image, entry: Entry | None) -> bool:
        """Return whether an earlier run has written an image, from the same file."""
        if entry is None or entry[:2] != image[1:]:
            return False
        try:
            return os.stat(self._target / image.path).st_size == entry.bytes
        except FileNotFoundError:
            return False

    def _copy_texts(self) -> None:
        for path in self._texts:
            content, target = (self._source / path).read_bytes(), self._target / path
            if not target.exists() or target.read_bytes() != content:
                write(target, content)

    def _search(self) -> None:
        for folder, names in _walk(self._source):
            if folder:
                self._folders.append(folder)
            for name in names:
                path = os.path.join(folder, name)
                if name.startswith(PARTIAL):
                    continue
                if name.lower().endswith(IMAGE_SUFFIXES):
                    self._images.append(self._described(path))
                elif name.lower().endswith(_TEXTS):
                    self._texts.append(path)
                else:
                    self.report.not_copied.append(path)

    def _described(self, path: str) -> Image:
        try:
            status = os.stat(self._source / path)
        except OSError:  # a link that leads nowhere, which is told when it is read
            return Image(path, 0, 0)
        return Image(path, status.st_size, status.st_mtime_ns)

    def _search_target(self) -> None:
        """Remove what killed runs have left, and list what else does not belong there."""
        known = {image.path for image in self._images} - self.report.bad.keys()
        known.update(self._texts)
        for folder, names in _walk(self._target):
            for name in names:
                path = os.path.join(folder, name)
                if not name.startswith(PARTIAL):
                    if path not in known:
                        self.report.unknown.append(path)
                elif (self._target / path).stat().st_mtime < self._began:
                    (self._target / path).unlink()


def _walk(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder below ``root``, by its path there, with the names of its files.

    Links to folders are followed.

    Raises:
        UserError: A link leads to a folder that it lies in.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        names, inner = [], []
        with os.scandir(root / folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if is_passed_over(entry.name) and not entry.name.startswith(PARTIAL):
                    continue
                if not entry.is_dir():
                    names.append(entry.name)
                    continue
                if entry.is_symlink():
                    here = Path(entry.path).parent.resolve()
                    if here.is_relative_to(Path(entry.path).resolve()):
                        raise UserError(f"'{entry.path}' links to a folder that it lies in.")
                inner.append(os.path.join(folder, entry.name))
        waiting += reversed(inner)
        yield folder, names


def _check_places(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise UserError(f"There is no folder '{source}'.")
    one, other = source.resolve(), target.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise UserError(f"'{source}' and '{target}' are the same folder, or one lies in the other.")
