"""What can be read from the folder of a run: of this package, mmpretrain or mmdet."""

from __future__ import annotations

import copy
import inspect
import json
import os
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresnet.config.load import load_config
from mmresnet.config.walk import parts
from mmresnet.datasets import class_scores
from mmresnet.datasets.class_scores import ClassScores
from mmresnet.engine.assembly import building
from mmresnet.errors import UserError, UserFileNotFoundError
from mmresnet.evaluation.detection import detection_file
from mmresnet.evaluation.detection.detection_file import Detections
from mmresnet.report.log import Log, read_log
from mmresnet.visualization.curves import Curves, read_curves

if TYPE_CHECKING:
    from mmengine.config import Config

SPLITS = ("test", "val")


class Run:
    """A folder of a training, or of a test.

    Whatever is missing or damaged is None or empty: a report shows what there is.

    Args:
        folder: The ``--work-dir``.

    Raises:
        UserError: There is no such folder, or nothing of a run is in it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise UserFileNotFoundError(
                f"There is no folder '{folder}': give the --work-dir of a training or a test."
            )
        if not (self._starts or any((self.folder / "predictions").glob("*.*"))):
            raise UserError(
                f"'{folder}' is not the folder of a run, which has folders such as "
                "20260131_120000 with a log in them: give the --work-dir of a training or a test."
            )

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name

    @cached_property
    def _starts(self) -> list[Path]:
        """The folders of the starts of the run, the oldest first."""
        return sorted(
            path.parent for path in self.folder.glob("*/*.log") if path.stem == path.parent.name
        )

    @cached_property
    def trained(self) -> bool:
        """Whether a training has logged into the folder."""
        return self.curves is not None

    @cached_property
    def curves(self) -> Curves | None:
        """What the training logged."""
        try:
            return read_curves(self.folder)
        except UserError:
            return None

    @cached_property
    def logs(self) -> list[Log]:
        """The logs of all starts, trainings and tests, the oldest first."""
        return [read_log(start / f"{start.name}.log") for start in self._starts]

    @cached_property
    def main_logs(self) -> list[Log]:
        """The logs of the training if there was one, else of the tests."""
        of_training = [
            log for log in self.logs if (log.path.parent / "vis_data/scalars.json").exists()
        ]
        return (of_training if self.trained else self.logs) or self.logs

    @cached_property
    def config_file(self) -> Path | None:
        """The config of the newest start, complete, as it was run."""
        starts = [log.path.parent for log in self.main_logs]
        found = [start / "vis_data" / "config.py" for start in starts]
        found = [*sorted(self.folder.glob("*.py")), *found]
        return next((path for path in reversed(found) if path.is_file()), None)

    @cached_property
    def config(self) -> Config | None:
        """The config of the newest start, complete, as it was run."""
        try:
            return None if self.config_file is None else load_config(self.config_file)
        except UserError:
            return None

    @property
    def config_name(self) -> str:
        """The name of the config: the file's that mmengine keeps in the folder."""
        kept = sorted(self.folder.glob("*.py"), key=lambda path: path.stat().st_mtime)
        return kept[-1].stem if kept else Path(self.recipe or self.name).stem

    @cached_property
    def recipe(self) -> str | None:
        """The file or name of the recipe that was run, if it is known."""
        return next((log.config for log in reversed(self.main_logs) if log.config), None)

    @cached_property
    def environment(self) -> dict[str, str]:
        """Versions and devices of the newest start, as its log names them."""
        return self.main_logs[-1].environment if self.main_logs else {}

    @cached_property
    def checkpoint(self) -> Path | None:
        """The best weights of a training, else the last; the weights that a test was of."""
        found = [
            *self._weights("best_*.pth"),
            *self._named("last_checkpoint"),
            *self._weights("*.pth"),
        ]
        tested = None if self.config is None else self.config.get("load_from")
        found += [Path(tested)] if tested and Path(tested).is_file() else []
        return found[0] if found else None

    def _weights(self, pattern: str) -> list[Path]:
        return sorted(
            self.folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True
        )

    def _named(self, marker: str) -> list[Path]:
        """Return the checkpoint that a file names, which may be in another place by now."""
        file = self.folder / marker
        name = Path(file.read_text(encoding="utf-8").strip()).name if file.is_file() else ""
        return [self.folder / name] if name and (self.folder / name).is_file() else []

    @cached_property
    def test_metrics(self) -> dict[str, float]:
        """The metrics of the newest test that wrote into the folder."""
        for start in reversed(self._starts):
            path = start / f"{start.name}.json"
            if path.is_file():
                return _numbers(path)
        return {}

    @cache  # noqa: B019
    def classification(self, split: str) -> ClassScores | None:
        """Return the class scores of the last evaluation of "val" or "test"."""
        return _read(class_scores.load, self.folder / "predictions" / f"{split}.npz")

    @cache  # noqa: B019
    def detection(self, split: str) -> Detections | None:
        """Return the detections of the last evaluation of "val" or "test"."""
        return _read(detection_file.load, self.folder / "predictions" / f"{split}.json")

    def image(self, split: str, index: int) -> Path | np.ndarray | None:
        """Return an image of a classifier's set: its file, or where it has none, its RGB pixels.

        Args:
            index: The row in the class scores of ``split``.
        """
        found = self.classification(split)
        if found is not None and found.paths is not None:
            return found.paths[index]
        try:
            pixels = self.dataset(split).get_data_info(index).get("img")
        except (UserError, ImportError, OSError):
            return None
        return pixels if isinstance(pixels, np.ndarray) else None

    @cache  # noqa: B019  a Run lives as long as its report is written
    def dataset(self, split: str) -> Any:
        """Return the data set of "train", "val" or "test", without its pipeline.

        Raises:
            UserError: The config is missing or has none, or the data are no longer there.
            ImportError: A package that the data set needs is not installed.
        """
        from mmengine.registry import DATASETS

        dataset = ((self.config or {}).get(f"{split}_dataloader") or {}).get("dataset")
        if not dataset:
            raise UserError(f"The config of '{self.folder}' has no {split}_dataloader.dataset.")
        dataset = copy.deepcopy(dataset)
        if "pipeline" in dataset:  # else it is a wrapper's
            dataset["pipeline"] = []
        with building(self.config):
            _download_nothing(dataset)
            try:
                return DATASETS.build(dataset)
            except (OSError, RuntimeError, AssertionError) as error:
                raise UserError(f"The {split} set cannot be read: {error}") from error


def _download_nothing(dataset: Any) -> None:
    """Let data sets that download what is missing, as mmpretrain's of CIFAR, raise an error."""
    from mmengine.registry import DATASETS

    for _, part in parts(dataset):
        kind = DATASETS.get(str(part.get("type")))
        bases = () if kind is None else kind.__mro__
        if any("download" in inspect.signature(base.__init__).parameters for base in bases[:-1]):
            part["download"] = False


def _read(load: Any, path: Path) -> Any:
    try:
        return load(path)
    except UserError:
        return None


def _numbers(path: Path) -> dict[str, float]:
    try:
        content = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    except (ValueError, IndexError, OSError):
        return {}
    ignored = ("time", "data_time", "step")
    return {
        name: value
        for name, value in content.items()
        if isinstance(value, (int, float)) and name not in ignored
    }
