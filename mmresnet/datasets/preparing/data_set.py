"""What a data set is made of: archives, who publishes them, and where their files go."""

from __future__ import annotations

import difflib
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmresnet.datasets.preparing.archive import Archive, Members
from mmresnet.datasets.preparing.archives import open_archive
from mmresnet.errors import UserError

# from the name of a file in an archive to its path below the new folder; None leaves it out
Target = Callable[[str], "str | None"]
Contents = Mapping[str, "tuple[Archive, Members]"]  # by the names of archives


@dataclass(frozen=True)
class Download:
    """An archive as its publisher has it.

    Attributes:
        file: Its name.
        page: Where a person finds it.
        holds: What is in it. Another archive may hold the same.
        needs: What it cannot do without, of that which others hold.
        md5: As published; None if that is unknown.
        account: The page asks for a free account.
        edition: Of the data set; what is missing is listed of those editions that are there.
    """

    file: str
    page: str
    holds: tuple[str, ...]
    needs: str | None = None
    md5: str | None = None
    account: bool = False
    edition: str = ""

    def __str__(self) -> str:
        return f"{self.file} from {self.page}" + " (free account needed)" * self.account


class DataSet(ABC):
    """A data set, and how its files lie in the folder that recipes read.

    Attributes:
        downloads: The archives that it comes in.
    """

    downloads: tuple[Download, ...]

    def open(self, path: Path) -> Archive:
        """Return one of the archives."""
        return open_archive(path)

    @abstractmethod
    def targets(self, contents: Contents) -> dict[str, Target]:
        """Return where the files of each archive go; one that is left out is read for others.

        Raises:
            UserError: Archives do not fit together.
        """

    def finish(self, folder: Path) -> None:  # noqa: B027  most need nothing
        """Write what is made of the files that are written."""


def below(*folders: str) -> Target:
    """Return a rule that takes the files of some folders, which may lie in one at the top."""
    pattern = re.compile(rf"(?:[^/]+/)?((?:{'|'.join(map(re.escape, folders))})/.*)")

    def target(name: str) -> str | None:
        found = pattern.fullmatch(name)
        return found[1] if found else None

    return target


def find(data_set: DataSet, source: Path) -> list[Download]:
    """Return those archives of a data set that a folder holds.

    Raises:
        UserError: It holds none, the same images twice, or not what one of them needs.
    """
    if not source.is_dir():
        raise UserError(f"There is no folder '{source}'.")
    names = {path.name for path in source.iterdir() if path.is_file()}
    found = [one for one in data_set.downloads if one.file in names]
    if not found:
        raise UserError(
            f"'{source}' holds no archive of this data set.{_alike(data_set, names)} Download "
            f"first {'; '.join(missing(data_set, []))}."
        )
    counts = Counter(part for one in found for part in one.holds)
    for part, count in counts.items():
        if count > 1:
            files = " and ".join(f"'{one.file}'" for one in found if part in one.holds)
            raise UserError(
                f"'{source}' holds the {part} more than once, in {files}: move all but one away."
            )
    for one in found:
        if one.needs and one.needs not in counts:
            raise UserError(
                f"'{source / one.file}' needs the {one.needs} beside it: "
                f"{_offers(data_set.downloads, one.needs)}."
            )
    return found


def missing(data_set: DataSet, found: Iterable[Download]) -> Iterator[str]:
    """Yield what a folder does not hold of a data set, with the archives that have it."""
    found = list(found)
    there = {part for one in found for part in one.holds}
    editions = {one.edition for one in found} or {data_set.downloads[0].edition}
    wanted = dict.fromkeys(
        part for one in data_set.downloads if one.edition in editions for part in one.holds
    )
    for part in wanted:
        if part not in there:
            yield f"the {part}: {_offers(data_set.downloads, part)}"


def _alike(data_set: DataSet, names: Iterable[str]) -> str:
    """Return a sentence on a file that may be an archive under another name, or nothing."""
    for one in data_set.downloads:
        if near := difflib.get_close_matches(one.file, names, n=1, cutoff=0.85):
            return f" If '{near[0]}' is '{one.file}', rename it."
    return ""


def _offers(downloads: Iterable[Download], part: str) -> str:
    return ", or ".join(str(one) for one in downloads if part in one.holds)
