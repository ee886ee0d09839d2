"""Detection data sets in COCO's format."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from mmengine.dist import get_world_size
from mmengine.logging import print_log

from mmresnet import ops
from mmresnet.datasets.bad_samples import OnBadSample
from mmresnet.datasets.coco import checks as coco_checks
from mmresnet.datasets.coco import file as coco_file
from mmresnet.datasets.coco.columns import read_columns
from mmresnet.datasets.coco.table import CocoTable
from mmresnet.datasets.index_files import Index
from mmresnet.datasets.node_shared import Shareable, once_per_node
from mmresnet.datasets.row_samples import RowSamples
from mmresnet.datasets.shards import backend  # noqa: F401  for s3:// in mmdet's class
from mmresnet.datasets.shards.paths import local_file, shards_of
from mmresnet.datasets.shards.shard_set import ShardSet
from mmresnet.errors import UserError, require
from mmresnet.registry import DATASETS

require("mmdet", "mmresnet.CocoDataset")
ops.install()  # mmdet imports mmcv's operators together with its data sets

from mmdet.datasets import CocoDataset as DetCocoDataset  # noqa: E402  after the operators

# what makes the samples of mmdet's classes: a class that changes one of these makes them itself
_PARSING = ("COCOAPI", "load_data_list", "parse_data_info", "load_proposals", "filter_data")


@DATASETS.register_module()
class CocoDataset(OnBadSample, RowSamples, DetCocoDataset):
    """A detection set whose classes are those of its annotation file.

    Keywords are those of :class:`mmresnet.datasets.bad_samples.OnBadSample` and of mmdet's class of
    this name, from which it differs as follows:

    * Without ``metainfo=dict(classes=…)`` the classes are the file's categories in their order,
      instead of COCO's 80. With it, label i is ``classes[i]``, whatever the order of the file, and
      a class that the file does not have is an error.
    * The file is parsed once, and read from a cache until it changes
      (:mod:`mmresnet.datasets.index_files`). The processes of a machine share it.
    * The numbers of unusable boxes are logged, and missing images are reported at the start. A box
      outside of its image is an error, or one of those with ``on_bad_sample="skip"``.

    Raises:
        UserError: the file is missing or not a COCO file, the classes do not match, an image is
            missing, a box lies outside of its image, or no image is left to train on.
    """

    METAINFO: ClassVar[dict[str, Any]] = {}
    # ids and images of annotations, by reason, where the file was parsed by this process
    boxes_left_out: dict[str, list[tuple[int, str]]]
    ann_file: Any  # mmdet has no type hints
    _table: CocoTable | None = None

    def full_init(self) -> None:
        """Load the annotations, once on each machine; the second call does nothing."""
        if self._fully_initialized:
            return
        if not self.backend_args:
            self.ann_file = local_file(self.ann_file)
        index = self._read_columns()
        if index is not None:
            self._use(index)
        elif self.serialize_data and get_world_size() > 1:
            arrays, state = once_per_node(self._parse)
            self.data_bytes, self.data_address = arrays
            self._metainfo, self.cat_ids, self.cat2label = state
        else:
            super().full_init()
        self._fully_initialized = True

    def _read_columns(self) -> Index | None:
        """Return the columns of the file, or None if the samples have to be made as mmdet does."""
        changed = self.overrides(CocoDataset, _PARSING)
        if changed or self.backend_args or self.proposal_file is not None:
            return None

        def make() -> Shareable:
            index = read_columns(self.ann_file)
            if index is None or not (self.test_mode or index.meta["annotated"]):
                return [], None
            self._check(index)
            return list(index.arrays.values()), (list(index.arrays), index.meta)

        arrays, state = once_per_node(make)
        return None if state is None else Index(dict(zip(state[0], arrays, strict=True)), state[1])

    def _check(self, index: Index) -> None:
        """Check the annotations, and log what they are."""
        self._set_classes([category["name"] for category in index.meta["categories"]])
        table = CocoTable(index, self._metainfo["classes"])
        coco_checks.check_images(self.ann_file, table.file_names.tolist(), self.data_prefix["img"])
        self._log(self._check_boxes(table.boxes(), len(table)))

    def _use(self, index: Index) -> None:
        """Make the samples of a file from its columns."""
        categories = {one["name"]: one["id"] for one in index.meta["categories"]}
        self._set_classes(categories)
        classes = self._metainfo["classes"]
        self.cat_ids = [categories[name] for name in classes]
        self.cat2label = {number: label for label, number in enumerate(self.cat_ids)}
        self._table = CocoTable(index, classes)
        rows = self._table.rows(None if self.test_mode else self.filter_cfg)
        self._check_left(len(rows), len(self._table))
        self.serve(rows)

    def rows_in_shards(self) -> tuple[ShardSet, np.ndarray] | None:
        """Return the shards that the images are in, and the row of each in their index."""
        found = shards_of(self.data_prefix["img"])
        if found is None:
            return None
        self.full_init()
        shards, folder = found
        if self._table is not None and self._in_rows:
            names = (self._table.file_names[row] for row in self.data_address.tolist())
            return shards, shards.rows_of(os.path.join(folder, name) for name in names)
        infos = (self.get_data_info(index) for index in range(len(self)))
        return shards, shards.rows_of(info["img_path"][len(shards.root) + 1 :] for info in infos)

    def row_info(self, row: int) -> dict[str, Any]:
        """Return the image in a row of the columns with its boxes, as mmdet's class does."""
        assert self._table is not None
        info = self._table.info(row, self.data_prefix, self.seg_map_suffix)
        if self.return_classes:
            info |= {"text": self._metainfo["classes"], "caption_prompt": self.caption_prompt}
            info["custom_entities"] = True
        return info

    def _parse(self) -> Shareable:
        super().full_init()
        arrays = [self.data_bytes, self.data_address]
        self.data_bytes = self.data_address = None  # replaced by the shared ones
        return arrays, (self._metainfo, self.cat_ids, self.cat2label)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Return one dict for each image, as mmdet's class does."""
        data = super().load_data_list()
        self._log(self._lines)
        del self._lines
        return data

    def COCOAPI(self, path: str) -> _Index:
        """Read the annotation file and set the classes; called by mmdet's ``load_data_list``."""
        content = coco_file.read_coco(path, annotated=not self.test_mode)
        self._set_classes([category["name"] for category in content["categories"]])
        if not self.backend_args:
            files = [image["file_name"] for image in content["images"]]
            coco_checks.check_images(self.ann_file, files, self.data_prefix["img"])
        boxes = coco_checks.sort_boxes(content, self._metainfo["classes"])
        self._lines = self._check_boxes(boxes, len(content["images"]))
        left_out = {number for number, _ in boxes.left_out.get(coco_checks.NOT_FINITE, ())}
        for annotation in content["annotations"] if left_out else ():
            if annotation["id"] in left_out:
                annotation["ignore"] = True  # mmdet would take it
        return _Index(content)

    def _set_classes(self, names: Iterable[str]) -> None:
        """Set the classes, which have to be among the categories of the file."""
        names = list(names)
        classes = coco_checks.class_names(self._metainfo.get("classes", names))
        self._metainfo["classes"] = classes
        coco_checks.check_classes(classes, "metainfo.classes", names, self.ann_file)
        if classes == DetCocoDataset.METAINFO["classes"]:
            self._metainfo.setdefault("palette", DetCocoDataset.METAINFO["palette"])

    def _check_boxes(self, boxes: coco_checks.Boxes, images: int) -> list[str]:
        """Check the boxes of a file, and return what to log."""
        self.boxes_left_out = boxes.left_out
        if self.on_bad_sample == "stop":
            coco_checks.check_boxes(self.ann_file, boxes)
        return coco_checks.summarize(self.ann_file, images, self._metainfo["classes"], boxes)

    def _log(self, lines: list[str]) -> None:
        size, *problems = lines
        print_log(size, logger="current")
        for problem in problems:
            print_log(problem, logger="current", level=logging.WARNING)

    def filter_data(self) -> list[dict[str, Any]]:
        """Return the images to use.

        Raises:
            UserError: none is left.
        """
        before = len(self.data_list)
        kept = super().filter_data()
        del self.cat_img_map  # as large as the annotations, and needed for filtering only
        self._check_left(len(kept), before)
        return kept

    def _check_left(self, kept: int, before: int) -> None:
        if not kept:
            raise UserError(
                f"'{self.ann_file}' lists {before} images, and filter_cfg={self.filter_cfg} "
                f"leaves none: there are no boxes of "
                f"{coco_checks.quoted(self._metainfo['classes'])}, or no image is large "
                "enough."
            )


class _Index:
    """The methods of pycocotools that mmdet's ``CocoDataset`` calls.

    Category ids are returned in the order of the names asked for.
    """

    def __init__(self, content: dict[str, list[dict[str, Any]]]) -> None:
        self._categories = {c["name"]: c["id"] for c in content["categories"]}
        self._images = {image["id"]: image for image in content["images"]}
        self._annotations = defaultdict(list)
        self.cat_img_map = defaultdict(list)
        for annotation in content["annotations"]:
            self._annotations[annotation["image_id"]].append(annotation)
            self.cat_img_map[annotation["category_id"]].append(annotation["image_id"])
        self._by_id = {annotation["id"]: annotation for annotation in content["annotations"]}

    def get_cat_ids(self, cat_names: list[str]) -> list[int]:
        return [self._categories[name] for name in cat_names]

    def get_img_ids(self) -> list[int]:
        return list(self._images)

    def load_imgs(self, ids: list[int]) -> list[dict[str, Any]]:
        return [self._images[number] for number in ids]

    def get_ann_ids(self, img_ids: list[int]) -> list[int]:
        return [a["id"] for number in img_ids for a in self._annotations[number]]

    def load_anns(self, ids: list[int]) -> list[dict[str, Any]]:
        return [self._by_id[number] for number in ids]
