"""Detection data sets in the format of PASCAL VOC: an XML file for each image."""

from __future__ import annotations

import difflib
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmresnet.datasets.bad_samples import OnBadSample
from mmresnet.datasets.coco import checks as coco_checks
from mmresnet.datasets.coco.table import CocoTable
from mmresnet.datasets.index_files import Index
from mmresnet.datasets.node_shared import Shareable, once_per_node
from mmresnet.datasets.row_samples import RowSamples
from mmresnet.datasets.voc.columns import read_columns
from mmresnet.datasets.voc.files import LAYOUT, find_files
from mmresnet.errors import UserError, UserTypeError
from mmresnet.registry import DATASETS

_WRONG = (coco_checks.OUTSIDE, coco_checks.NOT_POSITIVE, coco_checks.NOT_FINITE)


@DATASETS.register_module()
class VOCDataset(OnBadSample, RowSamples, BaseDataset):
    """A detection set of images, XML files of the same names, and a list of names.

    Samples are those of mmdet's ``VOCDataset``, and ``img_id`` is the name in the list. It differs
    as follows:

    * Without ``metainfo=dict(classes=…)`` the classes are those found, in alphabetical order, which
      for PASCAL VOC is the official one.
    * A box has the continuous coordinates of COCO's: VOC's pixels 1 to 10 are [0, 10). mmdet
      subtracts 1 from both, which leaves the last pixel out; a flipped box is then another one.
    * Objects that are ``difficult`` have ``ignore_flag``: they are not trained on, and count
      neither for nor against a model in ``mmresnet.VOCMetric``.
    * The files are read once, and from a cache until one changes
      (:mod:`mmresnet.datasets.index_files`). The processes of a machine share what was read.

    Several lists, such as "07+12", are a ``ConcatDataset`` of these.

    Args:
        ann_file: The list of images, whose lines begin with a name; ``""`` takes all annotations.
        data_prefix: The folders ``img`` and ``ann`` of images and annotations below ``data_root``.
            Without ``ann``, the set has no annotations, as a test set whose are kept secret.
        first_pixel: The coordinate of the first pixel in a row, as the files count: VOC's 1.
        kwargs: Those of mmengine's ``BaseDataset`` and of
            :class:`mmresnet.datasets.bad_samples.OnBadSample`. ``filter_cfg`` has
            ``filter_empty_gt`` and ``min_size``, as for COCO's sets.

    Raises:
        UserError: A file is missing or of another kind, a class of ``metainfo`` is none of the
            files', a box is outside of its image or inverted, or no image is left to train on.
    """

    METAINFO: ClassVar[dict[str, Any]] = {}
    CLASS_NAMES: ClassVar[Mapping[str, str]] = {}
    """Names of classes by those in the files, where they differ."""

    # annotations and their images, by reason, where the files were read by this process
    boxes_left_out: dict[str, list[tuple[int, str]]]
    _metainfo: dict[str, Any]
    _table: CocoTable

    def __init__(
        self,
        ann_file: str = "",
        data_prefix: dict[str, str] | None = None,
        first_pixel: int = 1,
        **kwargs: Any,
    ) -> None:
        prefix = dict(LAYOUT) if data_prefix is None else data_prefix
        if not isinstance(prefix, dict) or "img" not in prefix or prefix.keys() - LAYOUT.keys():
            raise UserTypeError(
                f"data_prefix is {data_prefix!r}: give the folders of images and annotations "
                f"below data_root, as {LAYOUT}."
            )
        self.first_pixel = first_pixel
        super().__init__(ann_file=ann_file, data_prefix=prefix, **kwargs)

    def full_init(self) -> None:
        """Read the annotations, once on each machine; the second call does nothing."""
        if self._fully_initialized:
            return

        def make() -> Shareable:
            index = self._read()
            return list(index.arrays.values()), (list(index.arrays), index.meta)

        arrays, (names, meta) = once_per_node(make)
        index = Index(dict(zip(names, arrays, strict=True)), meta)
        self._metainfo["classes"] = self._classes(_found_classes(index))
        self._table = CocoTable(index, self._metainfo["classes"])
        rows = self._table.rows(None if self.test_mode else self.filter_cfg)
        if not len(rows):
            raise UserError(
                f"'{self._where}' lists {len(self._table)} images, and "
                f"filter_cfg={self.filter_cfg} leaves none: there are no boxes of "
                f"{coco_checks.quoted(self._metainfo['classes'])}, or no image is large enough."
            )
        self.serve(rows)
        self._fully_initialized = True

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the labels in an image, as mmdet's ``ClassBalancedDataset`` asks for them."""
        return [one["bbox_label"] for one in self.get_data_info(idx)["instances"]]

    def row_info(self, row: int) -> dict[str, Any]:
        """Return the image in a row of the columns with its boxes, as mmdet's class does."""
        info = self._table.info(row, {"img": self.data_prefix["img"]}, "")
        info["img_id"] = os.path.splitext(self._table.file_names[row])[0]
        return info

    @property
    def _where(self) -> str:
        return str(self.ann_file or self.data_prefix.get("ann") or self.data_prefix["img"])

    def _read(self) -> Index:
        """Read the files, check them, and log what they hold."""
        files = find_files(self.ann_file, self.data_prefix["img"], self.data_prefix.get("ann"))
        index = read_columns(files, self.first_pixel, self.CLASS_NAMES)
        found = _found_classes(index)
        classes = self._classes(found)
        if index.meta["annotated"]:
            boxes = CocoTable(index, classes).boxes()
            self.boxes_left_out = boxes.left_out
            self._check_boxes(boxes)
            lines = coco_checks.summarize(self._where, len(files.names), classes, boxes)
            unnamed = {name: count for name, count in found.items() if name not in classes}
            if unnamed:
                lines.append(
                    f"'{self._where}': {sum(unnamed.values())} boxes of "
                    f"{coco_checks.quoted(unnamed)} are left out, which metainfo.classes does not "
                    "name."
                )
            print_log(lines[0], logger="current")
            for line in lines[1:]:
                print_log(line, logger="current", level=logging.WARNING)
        return index

    def _classes(self, found: Mapping[str, int]) -> tuple[str, ...]:
        """Return the classes of the set: those of ``metainfo``, or those found."""
        if "classes" not in self._metainfo:
            if not found:
                raise UserError(
                    f"There is no object in the annotations of '{self._where}': name the classes "
                    "in metainfo.classes."
                )
            return tuple(found)
        classes = coco_checks.class_names(self._metainfo["classes"])
        absent = [name for name in classes if name not in found]
        unnamed = [name for name in found if name not in classes]
        remedy = "Leave metainfo out to take the classes of the files."
        if found and len(absent) == len(classes):
            coco_checks.check_classes(classes, "metainfo.classes", found, self._where, remedy)
        for name in absent:  # a small set may lack a class: an error if it is one misspelled
            if near := difflib.get_close_matches(name, unnamed, n=1, cutoff=0.75):
                raise UserError(
                    f"metainfo.classes names '{name}', and the annotations of '{self._where}' have "
                    f"no object of it, but {found[near[0]]} of a class that it does not name: did "
                    f"you mean '{near[0]}'? {remedy}"
                )
        return classes

    def _check_boxes(self, boxes: coco_checks.Boxes) -> None:
        """Check that boxes lie in their images and have a size, unless bad ones are skipped."""
        for reason in _WRONG if self.on_bad_sample == "stop" else ():
            if found := boxes.left_out.get(reason):
                counted = "1 box is" if len(found) == 1 else f"{len(found):,} boxes are"
                first = os.path.splitext(found[0][1])[0] + ".xml"
                raise UserError(
                    f"'{self.data_prefix['ann']}': {counted} {reason} (the first is in '{first}'). "
                    "Correct or delete them; with on_bad_sample='skip' of the data set they are "
                    "left out."
                )


def _found_classes(index: Index) -> dict[str, int]:
    """Return how many objects there are of each class, in alphabetical order."""
    names: Sequence[str] = [one["name"] for one in index.meta["categories"]]
    counts = Counter(index.arrays["category"].tolist())
    return {name: counts[number] for number, name in enumerate(names)}
