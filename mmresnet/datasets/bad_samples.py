"""What a data set does about a sample that cannot be used: stop, or take another and report it."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresnet.datasets.loading import LoadImageFromFile
from mmresnet.datasets.own_steps import use_own_steps
from mmresnet.errors import SampleError, UserValueError, did_you_mean

if TYPE_CHECKING:
    from mmengine.dataset import BaseDataset as _Base
else:
    _Base = object

_MODES = ("stop", "skip")
_MOST_ATTEMPTS = 1000


class BadSampleLog:
    """The bad samples that the processes of a data loader have met: a file that all append to.

    A file, and no queue or shared memory, reaches workers however they are started, and outlives
    those that are killed.
    """

    def __init__(self) -> None:
        self._path = Path(tempfile.gettempdir(), f"mmresnet-bad-samples-{uuid.uuid4().hex}.jsonl")
        self._events: list[tuple[str, str]] = []
        self._offset = 0
        weakref.finalize(self, _remove, self._path, os.getpid())

    def __deepcopy__(self, memo: dict[int, Any]) -> BadSampleLog:
        return self  # parts of a data set report to the same file

    def add(self, path: str, reason: str) -> None:
        """Note a bad file."""
        line = json.dumps([path, reason]).encode() + b"\n"
        with open(self._path, "ab", buffering=0) as file:  # one write: lines stay whole
            file.write(line)

    def events(self) -> list[tuple[str, str]]:
        """Return path and reason of each time that a bad file was met, by any of the processes."""
        if self._path.exists():
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                for line in file:
                    if not line.endswith(b"\n"):  # it is being written
                        break
                    self._offset += len(line)
                    path, reason = json.loads(line)
                    self._events.append((path, reason))
        return self._events


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not a worker
        path.unlink(missing_ok=True)


class OnBadSample(_Base):
    """A data set with the keywords ``on_bad_sample`` and ``max_bad_share``; first of the bases.

    Its images are loaded by :class:`mmresnet.datasets.loading.LoadImageFromFile`, also where the
    pipeline names mmcv's.

    Args:
        on_bad_sample: "stop" raises an error at an image that cannot be used. "skip" goes on: in
            training with another image, which depends on the index of the bad one alone; in tests
            with a gray image of its size, so that it keeps its labels and counts as it would
            have. The hook ``mmresnet.BadSamplesHook`` lists the files after each epoch.
        max_bad_share: The largest share of bad files in the set before "skip" stops as well.

    Raises:
        UserValueError: Another value of a keyword.
        SampleError: In ``__getitem__``, for an image that cannot be used.
    """

    pipeline: Any
    test_mode: bool
    data_prefix: Any

    def __init__(
        self, *args: Any, on_bad_sample: str = "stop", max_bad_share: float = 0.01, **kwargs: Any
    ) -> None:
        if on_bad_sample not in _MODES:
            hint = did_you_mean(on_bad_sample, _MODES)
            raise UserValueError(f"on_bad_sample is 'stop' or 'skip', not {on_bad_sample!r}.{hint}")
        if not 0 <= max_bad_share <= 1:
            raise UserValueError(f"max_bad_share is a share from 0 to 1, not {max_bad_share!r}.")
        self.on_bad_sample, self.max_bad_share = on_bad_sample, max_bad_share
        self.bad_samples = BadSampleLog() if on_bad_sample == "skip" else None
        super().__init__(*args, **kwargs)
        use_own_steps(self.pipeline)

    def _copy_without_annotation(self, memo: dict[int, Any] | None = None) -> Any:
        """Copy, as mmengine does for a subset, without what earlier calls have copied.

        mmengine 0.10.7 looks that up by the addresses of objects that may be gone, and so takes one
        object for another.
        """
        return super()._copy_without_annotation({} if memo is None else memo)

    def prepare_data(self, idx: int) -> Any:
        """Return sample ``idx`` after the pipeline, or what stands in for it."""
        try:
            return super().prepare_data(idx)
        except SampleError as error:
            if self.bad_samples is None:
                text = f"{error} With on_bad_sample='skip' of the data set, the run goes on."
                raise SampleError(text, error.path, error.reason) from error
            self.bad_samples.add(error.path, error.reason)
        self._check_share()
        if self.test_mode:
            return self._gray(idx)
        for other in self._others(idx):
            try:
                return super().prepare_data(other)
            except SampleError as error:
                self.bad_samples.add(error.path, error.reason)
                self._check_share()
        raise SampleError(f"None of {_MOST_ATTEMPTS} other images than image {idx} can be used.")

    def _check_share(self) -> None:
        assert self.bad_samples is not None
        bad = dict(self.bad_samples.events())
        if too_many := exceeds(bad, len(self), self.max_bad_share):
            raise SampleError(too_many)

    def _others(self, idx: int) -> Iterator[int]:
        """Yield the indices to take in the place of ``idx``, the same in every run."""
        generator = np.random.default_rng(idx)
        for _ in range(_MOST_ATTEMPTS):
            yield int(generator.integers(len(self)))

    def _gray(self, idx: int) -> Any:
        results: Any = self.get_data_info(idx)
        for step in self.pipeline.transforms:
            if isinstance(step, LoadImageFromFile):
                image = np.full_like(self._image_like(results, idx, step), 127)
                results = step.fill(results, image)
            else:
                results = step(results)
        return results

    def _image_like(
        self, results: dict[str, Any], idx: int, loader: LoadImageFromFile
    ) -> np.ndarray:
        """Return an image of the size that sample ``idx`` is said to have, or else of another's."""
        if results.get("height") and results.get("width"):
            channels = () if loader.color_type.startswith("grayscale") else (3,)
            return np.empty((results["height"], results["width"], *channels), np.uint8)
        for other in self._others(idx):
            try:
                return loader.load(self.get_data_info(other)["img_path"])
            except SampleError:
                continue
        raise SampleError(f"None of {_MOST_ATTEMPTS} other images than image {idx} can be used.")


def exceeds(bad: dict[str, str], total: int, share: float) -> str | None:
    """Return an error message if more than ``share`` of ``total`` files are bad.

    Args:
        bad: The reasons, by path.
    """
    if len(bad) <= share * total:
        return None
    path, reason = next(iter(bad.items()))
    files = "1 file" if len(bad) == 1 else f"{len(bad):,} files"
    return (
        f"{files} of {total:,} cannot be used, more than max_bad_share={share:g} of the data set "
        f"allows (the first: '{path}': {reason}). mmresnet check-dataset lists all bad files."
    )
