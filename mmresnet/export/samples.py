"""The images that an exported model is compared on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresnet.config.walk import type_name
from mmresnet.datasets.image_files import IMAGE_SUFFIXES, is_passed_over
from mmresnet.engine.assembly import building
from mmresnet.errors import ExportError, SampleError, UserError, UserFileNotFoundError
from mmresnet.export.preparation import IN_MEMORY, Preparation, dataset_settings
from mmresnet.export.quiet import quiet

if TYPE_CHECKING:
    from mmengine.config import Config

_SYNTHETIC = 8


@dataclass
class Samples:
    """Images as the recipe's own pipeline prepares them.

    Attributes:
        source: Where they are from, for messages.
        images: (H, W, 3) uint8 in BGR; the sizes may differ.
        paths: Their files; None where they have none.
        data: What the pipeline gives for each: its ``data_samples``, None if unknown.
    """

    source: str
    images: list[np.ndarray] = field(default_factory=list)
    paths: list[str | None] = field(default_factory=list)
    data: list[Any] = field(default_factory=list)

    def add(self, packed: dict[str, Any], loads_rgb: bool) -> None:
        """Add what a pipeline returned."""
        pixels = packed["inputs"].numpy().transpose(1, 2, 0)
        self.images.append(np.ascontiguousarray(pixels[..., ::-1] if loads_rgb else pixels))
        sample = packed["data_samples"]
        self.paths.append(sample.metainfo.get("img_path"))
        self.data.append(sample)

    def of_one_size(self) -> np.ndarray:
        """Return the images that have the size of the first, (N, H, W, 3)."""
        return np.stack([image for image in self.images if image.shape == self.images[0].shape])


def find_samples(
    cfg: Config, preparation: Preparation, paths: Sequence[str], number: int
) -> Samples:
    """Return up to ``number`` images: of ``paths``, else of the validation set, else synthetic.

    Those of the validation set are evenly spaced in it.

    Args:
        paths: Files and folders; the latter are searched.

    Raises:
        UserError: There is no image in ``paths``.
    """
    if paths:
        return _of_files(cfg, preparation, paths, number)
    try:
        with quiet(), building(cfg):
            from mmengine.registry import DATASETS

            dataset = DATASETS.build(_without_download(dataset_settings(cfg)))
    except (UserError, OSError, ImportError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        return _synthetic(preparation, reason)
    taken = min(number, len(dataset))
    samples = Samples(f"{taken:,} of the {len(dataset):,} images of the validation set")
    for index in np.linspace(0, len(dataset) - 1, taken).round().astype(int):
        samples.add(dataset[int(index)], preparation.loads_rgb)
    return samples


def _without_download(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a data set that reads its files now, and downloads none."""
    download = {"download": False} if type_name(dataset) in IN_MEMORY else {}
    return {**dataset, **download, "lazy_init": False}


def _of_files(cfg: Config, preparation: Preparation, paths: Sequence[str], number: int) -> Samples:
    from mmengine.dataset import Compose

    from mmresnet.datasets.loading import own_loader

    found = [path for given in paths for path in _image_files(given)]
    if not found:
        raise UserError(f"--images {' '.join(paths)}: there is no image.")
    steps = [s for s in dataset_settings(cfg)["pipeline"] if "LoadAnnotations" not in str(s)]
    if size := IN_MEMORY.get(type_name(dataset_settings(cfg))):
        resize = {"type": "Resize", "scale": size, "interpolation": "area"}
        steps = [{"type": "LoadImageFromFile"}, resize, *steps]
    with building(cfg):
        pipeline = Compose(steps)
    pipeline.transforms = [own_loader(step) for step in pipeline.transforms]
    samples = Samples(f"{min(number, len(found))} images of --images")
    for path in found[:number]:
        try:
            packed = pipeline({"img_path": path, "img_id": 0})
        except SampleError as error:
            raise UserError(f"--images: {error}") from error
        samples.add(packed, loads_rgb=False)
    return samples


def _image_files(given: str) -> Iterator[str]:
    path = Path(given).expanduser()
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not is_passed_over(name))
            for name in sorted(names):
                if name.lower().endswith(IMAGE_SUFFIXES) and not is_passed_over(name):
                    yield os.path.join(folder, name)
    elif path.is_file():
        yield str(path)
    else:
        raise UserFileNotFoundError(f"--images: there is no file or folder '{given}'.")


def _synthetic(preparation: Preparation, reason: str) -> Samples:
    """Return smooth random images, which have edges and areas as photographs have."""
    import cv2

    height, width = preparation.size or (224, 320)
    generator = np.random.default_rng(0)
    samples = Samples(f"synthetic images, since the validation set cannot be read ({reason})")
    for number in range(_SYNTHETIC):
        cells = generator.integers(0, 256, (4 + number, 4 + number, 3), dtype=np.uint8)
        samples.images.append(cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC))
        samples.paths.append(None)
        samples.data.append(None)
    return samples


def check_preparation(prepare: Callable[[str], np.ndarray], samples: Samples) -> None:
    """Check that run.py prepares files as the recipe does.

    One file in a hundred may differ: OpenCV decodes rare formats, such as TIFF with alpha, in
    another way than the recipe's loader.

    Raises:
        ExportError: More files differ.
    """
    files = [(p, i) for p, i in zip(samples.paths, samples.images, strict=True) if _is_file(p)]
    others = [path for path, image in files if not np.array_equal(prepare(str(path)), image)]
    if len(others) > len(files) / 100:
        raise ExportError(
            f"run.py prepares {len(others)} of {len(files)} images differently from the recipe, as "
            f"'{others[0]}'. Nothing was kept."
        )


def _is_file(path: str | None) -> bool:
    return path is not None and os.path.isfile(path)
