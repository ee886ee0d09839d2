"""ImageNet's classification and localization sets (ILSVRC)."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

from mmresnet.datasets.preparing.archive import Archive, Members, read_files
from mmresnet.datasets.preparing.data_set import Contents, DataSet, Download, Target, below
from mmresnet.errors import UserError

PARTS = ("train", "val")
_PAGE_2012 = "https://image-net.org/challenges/LSVRC/2012/2012-downloads.php"
_PAGE_KAGGLE = "https://www.kaggle.com/c/imagenet-object-localization-challenge/data"
_TRAIN, _VAL, _LABELS = "training images", "validation images", "labels of the validation images"
_TRAIN_BOXES, _VAL_BOXES = "boxes of the training images", "boxes of the validation images"

# checksums as in torchvision/datasets/imagenet.py
IMG_TRAIN = Download(
    *("ILSVRC2012_img_train.tar", _PAGE_2012, (_TRAIN,)),
    md5="1d675b47d978889d74fa0da5fadfb00e",
    account=True,
)
IMG_VAL = Download(
    *("ILSVRC2012_img_val.tar", _PAGE_2012, (_VAL,)),
    needs=_LABELS,
    md5="29b22e2961454d5413ddabcf34fc5622",
    account=True,
)
DEVKIT = Download(
    *("ILSVRC2012_devkit_t12.tar.gz", _PAGE_2012, (_LABELS,)),
    md5="fa75699e90414af021442c21a62c3abf",
    account=True,
)
KAGGLE = "imagenet-object-localization-challenge.zip"


class ImageNet(DataSet):
    """Class folders: ``train/n01440764/*.JPEG``, ``val/n01440764/*.JPEG``."""

    downloads = (
        IMG_TRAIN,
        IMG_VAL,
        DEVKIT,
        Download(KAGGLE, _PAGE_KAGGLE, (_TRAIN, _VAL, _LABELS), account=True),
    )

    def targets(self, contents: Contents) -> dict[str, Target]:
        """Return class folders for all images."""
        rules: dict[str, Target] = {}
        if IMG_TRAIN.file in contents:
            rules[IMG_TRAIN.file] = _in_class_folders("train")
        if IMG_VAL.file in contents:
            labels = labels_of_devkit(*contents[DEVKIT.file])
            rules[IMG_VAL.file] = _by_label(labels, IMG_VAL.file)
        if KAGGLE in contents:
            labels = labels_of_kaggle(*contents[KAGGLE])
            val, root = _by_label(labels, KAGGLE), "ILSVRC/Data/CLS-LOC/"

            def target(name: str) -> str | None:
                if name.startswith(f"{root}val/"):
                    return val(name)
                return name.removeprefix(root) if name.startswith(f"{root}train/") else None

            rules[KAGGLE] = target
        return rules


class ImageNetLoc(DataSet):
    """ILSVRC's layout: ``Data/CLS-LOC/{train/n01440764,val}``, ``Annotations/CLS-LOC/…``."""

    # checksums of the boxes as on ImageNet's page, by several projects that repeat it
    downloads = (
        IMG_TRAIN,
        replace(IMG_VAL, needs=None),
        Download(
            *("ILSVRC2012_bbox_train_v2.tar.gz", _PAGE_2012, (_TRAIN_BOXES,)),
            md5="9271167e2176350e65cfe4e546f14b17",
            account=True,
        ),
        Download(
            *("ILSVRC2012_bbox_val_v3.tgz", _PAGE_2012, (_VAL_BOXES,)),
            md5="f4cd18b5ea29fe6bbea62ec9c20d80f0",
            account=True,
        ),
        Download(KAGGLE, _PAGE_KAGGLE, (_TRAIN, _VAL, _TRAIN_BOXES, _VAL_BOXES), account=True),
    )

    def targets(self, contents: Contents) -> dict[str, Target]:
        """Return ILSVRC's folders; the names of files with boxes tell the class."""
        data, boxes = "Data/CLS-LOC", "Annotations/CLS-LOC"
        return {
            IMG_TRAIN.file: _in_class_folders(f"{data}/train"),
            IMG_VAL.file: _by_file_name("(.*)", f"{data}/val/{{0}}"),
            "ILSVRC2012_bbox_train_v2.tar.gz": _by_file_name(
                r"((n\d+)_.*\.xml)", f"{boxes}/train/{{1}}/{{0}}"
            ),
            "ILSVRC2012_bbox_val_v3.tgz": _by_file_name(r"(.*\.xml)", f"{boxes}/val/{{0}}"),
            KAGGLE: below(
                *(f"{kind}/CLS-LOC/{part}" for kind in ("Data", "Annotations") for part in PARTS),
                "ImageSets/CLS-LOC",
            ),
        }


def labels_of_devkit(archive: Archive, members: Members) -> dict[str, str]:
    """Return the WordNet id of each validation image, by its name without ``.JPEG``.

    Raises:
        UserError: scipy is missing, or the files do not fit together.
    """
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as error:
        raise UserError(
            f"'{archive.path}' is in MATLAB's format, which scipy reads: pip install scipy."
        ) from error
    meta, truth = read_files(
        archive, members, "data/meta.mat", "data/ILSVRC2012_validation_ground_truth.txt"
    )
    synsets = loadmat(io.BytesIO(meta), squeeze_me=True)["synsets"]
    wnids = {int(one["ILSVRC2012_ID"]): str(one["WNID"]) for one in synsets}
    try:
        ids = [wnids[int(line)] for line in truth.split()]
    except (KeyError, ValueError) as error:
        raise UserError(
            f"'{archive.path}' names a class {error} in its ground truth that its meta.mat does "
            "not have: download it again."
        ) from error
    return {f"ILSVRC2012_val_{number:08}": wnid for number, wnid in enumerate(ids, 1)}


def labels_of_kaggle(archive: Archive, members: Members) -> dict[str, str]:
    """Return the same from Kaggle's list: ``ILSVRC2012_val_00048981,n03995372 85 1 499 272 …``."""
    (text,) = read_files(archive, members, "LOC_val_solution.csv")
    rows = csv.DictReader(io.StringIO(text.decode()))
    return {row["ImageId"]: row["PredictionString"].split()[0] for row in rows}


def _in_class_folders(folder: str) -> Target:
    """Return a rule that keeps the innermost folder of a file: ``n01440764/n01440764_18.JPEG``."""

    def target(name: str) -> str | None:
        parts = name.split("/")
        return f"{folder}/{parts[-2]}/{parts[-1]}" if len(parts) > 1 else None

    return target


def _by_label(labels: dict[str, str], archive: str) -> Target:
    def target(name: str) -> str:
        file = name.rpartition("/")[2]
        if file.rpartition(".")[0] not in labels:
            raise UserError(
                f"'{name}' of '{archive}' has no label among the {len(labels):,} that there are: "
                "the archives do not belong together."
            )
        return f"val/{labels[file.rpartition('.')[0]]}/{file}"

    return target


def _by_file_name(pattern: str, path: str) -> Target:
    """Return a rule for files whose name matches; ``path`` takes the groups."""

    def target(name: str) -> str | None:
        found = re.fullmatch(pattern, name.rpartition("/")[2])
        return path.format(*found.groups()) if found else None

    return target
