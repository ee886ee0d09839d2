"""ILSVRC's localization task: images with one class each, and the boxes of its objects."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmresnet.datasets.bad_samples import OnBadSample
from mmresnet.datasets.class_scores import best_classes
from mmresnet.datasets.coco.checks import quoted
from mmresnet.datasets.image_files import IMAGE_SUFFIXES, class_folders
from mmresnet.datasets.image_index import find_images
from mmresnet.datasets.imagenet_loc.boxes import Boxes, read_boxes
from mmresnet.datasets.imagenet_loc.proposals import ProposalFiles
from mmresnet.errors import UserError, UserFileNotFoundError, UserValueError, did_you_mean
from mmresnet.registry import DATASETS

SPLITS = ("train", "val")


@DATASETS.register_module()
class ImageNetLoc(OnBadSample, BaseDataset):
    """The images of ILSVRC's localization task that have boxes, in the layout of its archive.

    ::

        <data_root>/Data/CLS-LOC/train/<class>/*.JPEG    <data_root>/Data/CLS-LOC/val/*.JPEG
        <data_root>/Annotations/CLS-LOC/train/<class>/*.xml       …/CLS-LOC/val/*.xml

    Validation images may lie in class folders as well. The classes are the sorted folders of
    ``Annotations/CLS-LOC/train``, which for ImageNet is the usual order of its labels. A training
    image without an annotation is left out, of which the log says how many there are (ILSVRC has
    boxes for 544,546 of 1,281,167); a validation image without one is an error.

    A sample has, besides ``img_path`` and ``gt_label``, ``gt_bboxes``, float32 (N, 4): the boxes of
    that class, x1 y1 x2 y2 in pixels of the annotated picture, whose width and height are
    ``annotated_size``; ``LoadImageWithBoxes`` makes them those of the file. A training image's
    class is its folder, whatever name its objects have, except for those named as another of the
    classes, which are left out.

    Args:
        data_root: The folder with ``Data`` and ``Annotations``.
        split: "train" or "val".
        scores: A file of class scores for these images, as ``mmresnet test --scores`` writes it:
            each sample gets ``predicted_classes``, int64 (``topk``,), the best first.
        topk: How many classes are taken from ``scores``.
        proposals: A folder that ``mmresnet propose`` wrote for these images: each sample gets
            ``proposals``, float32 (K, n, 4), for its own class and for those of
            ``predicted_classes``. Of several folders it gets all proposals.
        metainfo: ``classes`` names the classes, where there is no folder of training annotations.
        pipeline, on_bad_sample, max_bad_share, kwargs: Those of
            :class:`mmresnet.datasets.bad_samples.OnBadSample` and mmengine's ``BaseDataset``.

    Raises:
        UserError: Files are missing or not as they should be, or ``scores`` is of other images.
    """

    def __init__(
        self,
        data_root: str,
        split: str = "train",
        scores: str | None = None,
        topk: int = 5,
        proposals: str | Sequence[str] | None = None,
        metainfo: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in SPLITS:
            hint = did_you_mean(split, SPLITS)
            raise UserValueError(f"ImageNetLoc: split is 'train' or 'val', not {split!r}.{hint}")
        if topk < 1:
            raise UserValueError(f"ImageNetLoc: topk={topk} must be at least 1.")
        self.split, self.scores, self.topk = split, scores, topk
        folders = [proposals] if isinstance(proposals, str) else proposals or ()
        self._proposals = [ProposalFiles(folder) for folder in folders]
        metainfo = dict(metainfo or {})
        metainfo.setdefault("classes", _class_names(data_root))
        super().__init__(data_root=data_root, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Return a dict for each image that has boxes, in the order of their paths."""
        annotations = read_boxes(_folder(self.data_root, "Annotations", self.split))
        rows = {_stem(path): row for row, path in enumerate(annotations.paths.tolist())}
        images = self._images()
        self._check_pairs(images, rows)
        labels = {name: label for label, name in enumerate(self.metainfo["classes"])}
        others: Counter[str] = Counter()
        samples = [
            self._sample(images[stem], annotations, rows[stem], labels, others)
            for stem in images
            if stem in rows
        ]
        where = _folder(self.data_root, "Data", self.split)
        text = f"'{where}': {len(samples):,} of {len(images):,} images have boxes."
        print_log(text, logger="current")
        if others:
            text = f"Boxes of another class than their image, left out: {others.most_common(5)}."
            print_log(text, logger="current", level=logging.WARNING)
        if self.scores is not None:
            best = best_classes(
                self.scores,
                [_stem(sample["img_path"]) for sample in samples],
                self.metainfo["classes"],
                self.topk,
            )
            for sample, predicted in zip(samples, best, strict=True):
                sample["predicted_classes"] = predicted
        for proposals in self._proposals:
            self._add_proposals(samples, proposals)
        return samples

    def _add_proposals(self, samples: list[dict[str, Any]], proposals: ProposalFiles) -> None:
        rows = proposals.rows_of([_stem(sample["img_path"]) for sample in samples])
        for sample, row in zip(samples, rows, strict=True):
            classes = [sample["gt_label"], *map(int, sample.get("predicted_classes", ()))]
            if proposals.classes[row].tolist() != classes:
                raise UserError(
                    f"'{proposals.folder}' has proposals for other classes: for "
                    f"'{sample['img_path']}' for {proposals.classes[row].tolist()}, and the "
                    f"image's own and the predicted ones are {classes}. Write them again with the "
                    "same scores and topk."
                )
            sample.setdefault("proposals_rows", []).append(row)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return a sample before the pipeline, with its proposals."""
        info: dict[str, Any] = super().get_data_info(idx)
        if self._proposals:
            rows = zip(self._proposals, info.pop("proposals_rows"), strict=True)
            info["proposals"] = np.concatenate([one.boxes[row] for one, row in rows], axis=1)
        return info

    def _images(self) -> dict[str, str]:
        """Return the path of each image, by its name without folder and ending."""
        folder = _folder(self.data_root, "Data", self.split)
        if not os.path.isdir(folder):
            raise UserFileNotFoundError(
                f"There is no folder '{folder}' of images: set data_root to the folder that holds "
                "Data and Annotations."
            )
        images: dict[str, str] = {}
        for path in find_images(folder, IMAGE_SUFFIXES, by_class=False).names.tolist():
            twice = images.setdefault(_stem(path), os.path.join(folder, path))
            if twice != os.path.join(folder, path):
                raise UserError(
                    f"'{twice}' and '{folder}/{path}' have the same name, by which an image is "
                    "matched with its annotation: remove one of them."
                )
        return images

    def _check_pairs(self, images: dict[str, str], rows: dict[str, int]) -> None:
        without_image = sorted(rows.keys() - images.keys())
        if without_image:
            raise UserError(
                f"{len(without_image):,} of {len(rows):,} annotations of '{self.data_root}', split "
                f"'{self.split}', have no image (the first: {without_image[0]}.xml): the images "
                "are incomplete, or of another set."
            )
        missing = sorted(images.keys() - rows.keys()) if self.split != "train" else []
        if missing:
            raise UserError(
                f"{len(missing):,} of {len(images):,} images of '{self.data_root}', split "
                f"'{self.split}', have no annotation (the first: {images[missing[0]]}): it should "
                f"be '{_folder(self.data_root, 'Annotations', self.split)}/{missing[0]}.xml'."
            )

    def _sample(
        self,
        path: str,
        annotations: Boxes,
        row: int,
        labels: dict[str, int],
        others: Counter[str],
    ) -> dict[str, Any]:
        names, boxes = annotations.of(row)
        file = annotations.paths[row]
        own = PurePosixPath(file).parent.name or names[0]
        if own not in labels:
            raise UserError(
                f"The annotation '{file}' of split '{self.split}' is of the class '{own}', which "
                f"is none of the {len(labels)} classes {quoted(list(labels))}."
                f"{did_you_mean(own, labels)} metainfo=dict(classes=[…]) names others."
            )
        kept = [name == own or name not in labels for name in names]
        others.update(name for name, keep in zip(names, kept, strict=True) if not keep)
        if not any(kept):
            raise UserError(
                f"The annotation '{file}' of split '{self.split}' has no box of its class '{own}', "
                f"only of {quoted(sorted(set(names)))}: correct it, or remove it."
            )
        return {
            "img_path": path,
            "gt_label": labels[own],
            "gt_bboxes": boxes[kept].astype(np.float32),
            "annotated_size": tuple(annotations.sizes[row].tolist()),
        }


def _class_names(data_root: str) -> Sequence[str]:
    folder = _folder(data_root, "Annotations", "train")
    if not os.path.isdir(folder):
        raise UserFileNotFoundError(
            f"There is no folder '{folder}', whose folders would be the classes: set data_root to "
            "the folder that holds Data and Annotations, or name the classes, "
            "metainfo=dict(classes=[…])."
        )
    return tuple(class_folders(folder))


def _folder(data_root: str, kind: str, split: str) -> str:
    return os.path.join(data_root, kind, "CLS-LOC", split)


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]
