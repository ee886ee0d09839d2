"""Archives with the structure of the published ones, of a few small images."""

import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

WNIDS = ("n01440764", "n01443537", "n02088364")
# validation images and their labels as in the development kit, whose ids are no order of WordNet's
IDS = {"n02088364": 1, "n01440764": 2, "n01443537": 3}
VAL = ("n01443537", "n02088364", "n01440764", "n01443537")
VOC_CLASSES = ("cat", "dog")
CIFAR_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)


def jpeg(number: int, size: tuple[int, int] = (40, 36)) -> bytes:
    """Return a JPEG file of one colour, another one for each number."""
    file = io.BytesIO()
    Image.new("RGB", size, (number * 37 % 256, number * 11 % 256, 90)).save(file, "JPEG")
    return file.getvalue()


def tar(files: dict[str, bytes], compressed: bool = False) -> bytes:
    """Return a tar file; a name with a slash at its end is a folder."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz" if compressed else "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if name.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip file: JPEG files as they are, others compressed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            method = zipfile.ZIP_STORED if name.endswith("jpg") else zipfile.ZIP_DEFLATED
            archive.writestr(name, data, method)
    return content.getvalue()


def write_imagenet(folder: Path, per_class: int = 2) -> dict[str, bytes]:
    """Write ImageNet's three archives; return the files to expect, by path."""
    folder.mkdir(parents=True, exist_ok=True)
    expected, inner = {}, {}
    for label, wnid in enumerate(WNIDS):
        images = {f"{wnid}_{i}.JPEG": jpeg(label * per_class + i) for i in range(1, per_class + 1)}
        inner[f"{wnid}.tar"] = tar(images)
        expected |= {f"train/{wnid}/{name}": data for name, data in images.items()}
    (folder / "ILSVRC2012_img_train.tar").write_bytes(tar(inner))
    images = {f"ILSVRC2012_val_{i:08}.JPEG": jpeg(100 + i) for i in range(1, len(VAL) + 1)}
    (folder / "ILSVRC2012_img_val.tar").write_bytes(tar(images))
    for wnid, (name, data) in zip(VAL, images.items(), strict=True):
        expected[f"val/{wnid}/{name}"] = data
    write_devkit(folder)
    return expected


def write_devkit(folder: Path, labels: list[int] | None = None) -> None:
    """Write ImageNet's development kit; it has the inner nodes of WordNet's tree, too."""
    from scipy.io import savemat

    names = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children")
    rows = [(number, wnid, f"{wnid}, a fish", "-", 0, []) for wnid, number in IDS.items()]
    rows.append((1001, "n00001740", "entity", "-", 3, [1, 2, 3]))
    synsets = np.array([[row] for row in rows], dtype=[(name, "O") for name in names])
    meta = io.BytesIO()
    savemat(meta, {"synsets": synsets})
    labels = [IDS[wnid] for wnid in VAL] if labels is None else labels
    root = "ILSVRC2012_devkit_t12/"
    files = {
        root: b"",
        f"{root}readme.txt": b"...",
        f"{root}data/meta.mat": meta.getvalue(),
        f"{root}data/ILSVRC2012_validation_ground_truth.txt": "".join(
            f"{number}\n" for number in labels
        ).encode(),
    }
    (folder / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(tar(files, compressed=True))


def write_kaggle(folder: Path) -> dict[str, bytes]:
    """Write Kaggle's archive of ImageNet; return what ``write_imagenet`` does."""
    expected = write_imagenet(folder / "official")
    files = {"ILSVRC/Data/CLS-LOC/test/ILSVRC2012_test_00000001.JPEG": jpeg(7)}
    rows = ["ImageId,PredictionString"]
    for path, data in expected.items():
        part, wnid, name = path.split("/")
        inside = path if part == "train" else f"val/{name}"
        files[f"ILSVRC/Data/CLS-LOC/{inside}"] = data
        files[f"ILSVRC/Annotations/CLS-LOC/{inside.replace('JPEG', 'xml')}"] = xml(name, wnid)
        if part == "val":
            rows.append(f"{name.removesuffix('.JPEG')},{wnid} 1 2 30 31 {wnid} 3 4 5 6 ")
    files["LOC_val_solution.csv"] = "\r\n".join(rows).encode()
    files["LOC_synset_mapping.txt"] = "".join(f"{wnid} a fish\n" for wnid in WNIDS).encode()
    files["ILSVRC/ImageSets/CLS-LOC/val.txt"] = b"ILSVRC2012_val_00000001 1\n"
    (folder / "imagenet-object-localization-challenge.zip").write_bytes(zipped(files))
    return expected


def write_boxes(folder: Path) -> dict[str, bytes]:
    """Write ImageNet's images and boxes; return the files of ILSVRC's layout, by path."""
    images = write_imagenet(folder)
    expected, train, val = {}, {}, {}
    for path, data in images.items():
        part, wnid, name = path.split("/")
        boxes = name.replace("JPEG", "xml")
        inside = f"{wnid}/" if part == "train" else ""
        expected[f"Data/CLS-LOC/{part}/{inside}{name}"] = data
        expected[f"Annotations/CLS-LOC/{part}/{inside}{boxes}"] = xml(name, wnid)
        if part == "train":
            train[f"{wnid}/{boxes}"] = xml(name, wnid)
        else:
            val[f"val/{boxes}"] = xml(name, wnid)
    (folder / "ILSVRC2012_bbox_train_v2.tar.gz").write_bytes(tar(train, compressed=True))
    (folder / "ILSVRC2012_bbox_val_v3.tgz").write_bytes(tar(val, compressed=True))
    return expected


def xml(image: str, *names: str) -> bytes:
    """Return an annotation in VOC's format: of each class a box of 29x29 pixels."""
    objects = "".join(
        f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>2</xmin><ymin>3</ymin>"
        "<xmax>30</xmax><ymax>31</ymax></bndbox></object>"
        for name in names
    )
    return (
        f"<annotation><filename>{image.rpartition('.')[0]}</filename><size><width>40</width>"
        f"<height>36</height><depth>3</depth></size>{objects}</annotation>"
    ).encode()


def write_det(folder: Path, root: str = "ILSVRC2015") -> dict[str, bytes]:
    """Write the archive of ImageNet's detection set; return its files, by path below ``root``."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, wnid in enumerate(["n02084071", "n02121808"] * 4, 1):
        name = f"ILSVRC2012_val_{number:08}"
        files[f"Data/DET/val/{name}.JPEG"] = jpeg(number)
        files[f"Annotations/DET/val/{name}.xml"] = xml(f"{name}.JPEG", wnid)
    train = "train/ILSVRC2014_train_0000/ILSVRC2014_train_00000001"
    files[f"Data/DET/{train}.JPEG"] = jpeg(50)
    files[f"Annotations/DET/{train}.xml"] = xml("ILSVRC2014_train_00000001.JPEG", "n02084071")
    files["ImageSets/DET/val.txt"] = b"".join(
        b"ILSVRC2012_val_%08d %d\n" % (n, n) for n in range(1, 9)
    )
    inside = {f"{root}/{name}": data for name, data in files.items()}
    (folder / "ILSVRC2015_DET.tar.gz").write_bytes(
        tar({f"{root}/": b"", **inside}, compressed=True)
    )
    return files


def write_voc(folder: Path) -> dict[str, bytes]:
    """Write the three archives of PASCAL VOC; return their files, by path."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for number, (file, year, split) in enumerate(
        (
            ("VOCtrainval_06-Nov-2007.tar", 2007, "trainval"),
            ("VOCtest_06-Nov-2007.tar", 2007, "test"),
            ("VOCtrainval_11-May-2012.tar", 2012, "trainval"),
        )
    ):
        root, names = f"VOCdevkit/VOC{year}", [f"{number}{i:05}" for i in range(3)]
        files = {f"{root}/ImageSets/Main/{split}.txt": "\n".join(names).encode()}
        for i, name in enumerate(names):
            files[f"{root}/JPEGImages/{name}.jpg"] = jpeg(10 * number + i)
            files[f"{root}/Annotations/{name}.xml"] = xml(f"{name}.jpg", VOC_CLASSES[i % 2])
        (folder / file).write_bytes(tar({"VOCdevkit/": b"", f"{root}/": b"", **files}))
        expected |= files
    return expected


def write_coco(folder: Path) -> dict[str, bytes]:
    """Write the three archives of COCO 2017; return their files, by path."""
    folder.mkdir(parents=True, exist_ok=True)
    expected, annotations = {}, {}
    for part, first in (("train2017", 1), ("val2017", 101)):
        ids = range(first, first + 3)
        images = {f"{part}/{i:012}.jpg": jpeg(i) for i in ids}
        (folder / f"{part}.zip").write_bytes(zipped({f"{part}/": b"", **images}))
        document = {
            "images": [
                {"id": i, "file_name": f"{i:012}.jpg", "width": 40, "height": 36} for i in ids
            ],
            "annotations": [
                {"id": i, "image_id": i, "category_id": 1, "bbox": [2, 3, 29, 29], "area": 841}
                | {"iscrowd": 0}
                for i in ids
            ],
            "categories": [{"id": 1, "name": "person"}],
        }
        annotations[f"annotations/instances_{part}.json"] = json.dumps(document).encode()
        expected |= images
    (folder / "annotations_trainval2017.zip").write_bytes(zipped(annotations))
    return expected | annotations


def cifar_images() -> tuple[np.ndarray, np.ndarray]:
    """Return pixels (6, n, 3072) and labels (6, n) of the six files of CIFAR-10, with n = 4."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (6, 4, 3072), dtype=np.uint8)
    return pixels, np.arange(24).reshape(6, 4) % 10


def write_cifar10(folder: Path) -> dict[str, bytes]:
    """Write CIFAR-10's archive, pickled as by Python 2; return its files, by path."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    files = {"batches.meta": python2_pickle({"label_names": list(CIFAR_CLASSES)})}
    for name, pixels, labels in zip(names, *cifar_images(), strict=True):
        files[name] = python2_pickle({"data": pixels, "labels": labels.tolist()})
    inside = {f"cifar-10-batches-py/{name}": data for name, data in files.items()}
    (folder / "cifar-10-python.tar.gz").write_bytes(tar(inside, compressed=True))
    return inside


def python2_pickle(value: object) -> bytes:
    """Return the pickle, of protocol 2, that Python 2 makes of such values."""

    def code(value: object) -> bytes:
        match value:
            case dict():
                return b"}(" + b"".join(code(k) + code(v) for k, v in value.items()) + b"u"
            case list():
                return b"](" + b"".join(map(code, value)) + b"e"
            case int():
                return b"J" + struct.pack("<i", value)
            case str():
                return b"U" + bytes([len(value)]) + value.encode()
            case np.ndarray():
                shape = b"(" + b"".join(map(code, value.shape)) + b"t"
                empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0t"
                dtype = b"cnumpy\ndtype\n(" + code("u1") + b"K\0K\x01tR(K\x03" + code("|")
                dtype += b"NNN" + code(-1) + code(-1) + b"K\0tb"
                data = b"T" + struct.pack("<i", value.nbytes) + value.tobytes()
                return empty + code("b") + b"tR(K\x01" + shape + dtype + b"\x89" + data + b"tb"
        raise TypeError(type(value))

    return b"\x80\x02" + code(value) + b"."


def files_below(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files below a folder but those of the record."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".prepare" not in path.parts
    }
