"""Classification data sets of image files, in class folders or in a list."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.logging import print_log

from mmresnet.datasets.bad_samples import OnBadSample
from mmresnet.datasets.coco.checks import quoted
from mmresnet.datasets.image_files import IMAGE_SUFFIXES
from mmresnet.datasets.image_index import Found, find_images
from mmresnet.datasets.index_files import Texts
from mmresnet.datasets.node_shared import Shareable, once_per_node
from mmresnet.datasets.row_samples import RowSamples
from mmresnet.datasets.shards import backend  # noqa: F401  for s3:// in mmpretrain's classes
from mmresnet.datasets.shards.index import NamesBelow
from mmresnet.datasets.shards.paths import shards_of
from mmresnet.datasets.shards.shard_set import ShardSet
from mmresnet.errors import UserError, require
from mmresnet.registry import DATASETS

require("mmpretrain", "mmresnet.CustomDataset")

from mmpretrain.datasets import CustomDataset as StockCustomDataset  # noqa: E402
from mmpretrain.datasets import ImageNet as StockImageNet  # noqa: E402

# what makes the samples: a class that changes one of these makes them itself
_SEARCHING = ("_find_samples", "load_data_list", "parse_data_info", "filter_data")


class _ImageFiles(OnBadSample, RowSamples):
    """What the classes of this module have before mmpretrain's."""

    # attributes of mmpretrain's, which has no type hints
    CLASSES: Any
    ann_file: Any
    extensions: Any
    img_prefix: Any
    with_label: bool
    _metainfo: dict[str, Any]
    not_taken: Sequence[str] = ()  # paths below the folder
    _found: Found

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("extensions", IMAGE_SUFFIXES)
        super().__init__(*args, **kwargs)

    def full_init(self) -> None:
        """Find the images, once on each machine; the second call does nothing."""
        if self._fully_initialized:
            return
        if self._is_searched():
            self._found = self._find_once()
            self.not_taken = self._found.others
            self._set_classes(self._found)
            self.serve(np.arange(len(self._found.names)))
            self._fully_initialized = True
        super().full_init()
        classes = len(self.CLASSES or ())
        of_classes = f" of {classes:,} classes" if classes else ""
        where = self.ann_file or self.img_prefix
        print_log(f"'{where}': {len(self):,} images{of_classes}.", logger="current")

    def _is_searched(self) -> bool:
        """Return whether the images are those of a folder on a drive, found as here."""
        changed = self.overrides(_ImageFiles, _SEARCHING)
        return (
            not changed and not self.ann_file and (self._is_local() or self._shards() is not None)
        )

    def _shards(self) -> tuple[ShardSet, str] | None:
        """Return the shards that the images are in, and their folder there, if they are in any."""
        return shards_of(self.img_prefix)

    def rows_in_shards(self) -> tuple[ShardSet, np.ndarray] | None:
        """Return the shards that the images are in, and the row of each in their index."""
        found = self._shards()
        if found is None:
            return None
        self.full_init()
        shards = found[0]
        if self._is_searched() and self._in_rows:
            names = self._found.names
            assert isinstance(names, NamesBelow)
            return shards, names.first + np.asarray(self.data_address)
        infos = (self.get_data_info(index) for index in range(len(self)))
        return shards, shards.rows_of(info["img_path"][len(shards.root) + 1 :] for info in infos)

    def _is_local(self) -> bool:
        return isinstance(get_file_backend(self.img_prefix, enable_singleton=True), LocalBackend)

    def _find_once(self) -> Found:
        if self._shards() is not None:
            return self._find()  # processes map the same index

        def make() -> Shareable:
            found = self._find()
            texts = found.names
            return [texts.content, texts.ends, found.ends], (
                *(found.classes, found.others, found.empty),
            )

        (content, name_ends, ends), lists = once_per_node(make)
        return Found(Texts(content, name_ends), ends, *lists)

    def row_info(self, row: int) -> dict[str, Any]:
        """Return path and label of an image, as mmpretrain's class does."""
        info = {"img_path": os.path.join(self.img_prefix, self._found.names[row])}
        return info | {"gt_label": self._found.label(row)} if self.with_label else info

    def _find_samples(self) -> list[Any]:
        """Return path and label of each image or, without labels, the paths."""
        if not self._is_local() and self._shards() is None:
            return super()._find_samples()
        found = self._find()
        self.not_taken = found.others
        self._set_classes(found)
        return found.images if self.with_label else found.names.tolist()

    def _set_classes(self, found: Found) -> None:
        if self.with_label:
            self.folder_to_idx = {name: label for label, name in enumerate(found.classes)}
            self._metainfo.setdefault("classes", tuple(found.classes))

    def _find(self) -> Found:
        """Search the folder, check what was found, and log what was not taken."""
        folder, shards = self.img_prefix, self._shards()
        try:
            if shards is not None:
                found = self._find_in_shards(*shards)
            else:
                found = find_images(folder, self.extensions, by_class=self.with_label)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UserError(
                f"There is no folder '{folder}': set data_root and data_prefix to where the "
                "images are."
            ) from error
        self._check(folder, found)
        for line in not_taken(folder, found):
            print_log(line, logger="current", level=logging.WARNING)
        if found.others:
            lines = "\n".join(f"  {path}" for path in found.others)
            print_log(f"Not taken in '{folder}':\n{lines}", logger="current")
        return found

    def _find_in_shards(self, shards: ShardSet, folder: str) -> Found:
        if not set(IMAGE_SUFFIXES) <= set(self.extensions):
            raise UserError(
                "extensions is for folders of images: shards hold what was an image when they "
                "were written. Leave it out."
            )
        return shards.index.images_below(folder, by_class=self.with_label)

    def _check(self, folder: str, found: Found) -> None:
        if not len(found.names):
            raise UserError(
                f"There is no image in {'the class folders of ' * self.with_label}'{folder}': "
                f"file names must end in {', '.join(sorted(self.extensions))}."
            )
        named = self.CLASSES
        if self.with_label and named is not None and len(named) != len(found.classes):
            raise UserError(
                f"'{folder}' holds {len(found.classes)} class folders, and the data set names "
                f"{len(named)} classes: {quoted(named)}. mmresnet.CustomDataset without metainfo "
                "takes the folders as they are."
            )
        if found.empty and self.on_bad_sample == "stop":
            files = "1 image" if len(found.empty) == 1 else f"{len(found.empty):,} images"
            raise UserError(
                f"{files} in '{folder}' cannot be used: the file is empty (the first: "
                f"'{folder}/{found.empty[0]}'). Replace or delete it; with on_bad_sample='skip' of "
                "the data set the training goes on without it."
            )


def not_taken(folder: str, found: Found) -> list[str]:
    """Return warnings about files of other kinds and class folders without an image."""
    lines = []
    if found.others:
        files = "1 file is" if len(found.others) == 1 else f"{len(found.others):,} files are"
        lines.append(
            f"{files} not taken in '{folder}', since the names do not end as those of images do, "
            f"or since they lie in no class folder: {quoted(found.others)}."
        )
    if found.empty_classes:
        lines.append(f"There is no image in the class folders {quoted(found.empty_classes)}.")
    return lines


@DATASETS.register_module()
class CustomDataset(_ImageFiles, StockCustomDataset):
    """mmpretrain's ``CustomDataset`` for all formats that can be decoded.

    Keywords are those of mmpretrain's class and of
    :class:`mmresnet.datasets.bad_samples.OnBadSample`. Labels and order of images are
    mmpretrain's, but that:

    * ``extensions`` are all of :data:`mmresnet.datasets.image_files.IMAGE_SUFFIXES`;
    * hidden files and folders (``._1.jpg``, ``.ipynb_checkpoints``) are passed over, and are no
      class;
    * the log says how many images there are of how many classes, and which files are not taken.

    Raises:
        UserError: There is no folder or no image, an image is empty, or ``metainfo`` names another
            number of classes.
    """


@DATASETS.register_module()
class ImageNet(_ImageFiles, StockImageNet):
    """mmpretrain's ``ImageNet``, with its 1,000 class names, as :class:`CustomDataset` differs."""
