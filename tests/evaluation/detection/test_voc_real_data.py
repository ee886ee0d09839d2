"""VOCMetric on real annotations, photographs of blood cells, against other evaluations."""

import json
import tarfile

import numpy as np
import pytest
import torch

pytest.importorskip("mmdet")
pytest.importorskip("faster_coco_eval")

from mmresnet.datasets.coco.dataset import CocoDataset
from mmresnet.datasets.voc.dataset import VOCDataset
from mmresnet.evaluation.detection.coco_metric import CocoMetric
from mmresnet.evaluation.detection.voc_metric import VOCMetric

CLASSES = ("RBC", "WBC", "Platelets")
OBJECT = (
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
    "</bndbox></object>"
)


@pytest.fixture(scope="module")
def cells(sample_data, tmp_path_factory):
    """The validation images of BCCD, in COCO's format, with the same boxes in VOC's beside them."""
    folder = tmp_path_factory.mktemp("cells")
    with tarfile.open(sample_data / "bccd_coco.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    root = folder / "bccd"
    content = json.loads((root / "annotations" / "instances_val.json").read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert set(names.values()) == set(CLASSES)
    (root / "xml").mkdir()
    for image in content["images"]:
        objects = []
        for one in content["annotations"]:
            if one["image_id"] == image["id"]:
                x, y, w, h = one["bbox"]
                name = names[one["category_id"]]
                objects.append(OBJECT.format(name, x + 1, y + 1, x + w, y + h))
        size = f"<size><width>{image['width']}</width><height>{image['height']}</height></size>"
        path = root / "xml" / f"{image['file_name'].rsplit('.', 1)[0]}.xml"
        path.write_text(f"<annotation>{size}{''.join(objects)}</annotation>")
    return root


def detections(info, generator):
    """Return detections of an image: its boxes moved, some missed, some twice, some elsewhere."""
    boxes, labels = [], []
    for one in info["instances"]:
        for _ in range(generator.integers(0, 3)):
            boxes.append(np.array(one["bbox"]) + generator.normal(0, 12, 4))
            labels.append(one["bbox_label"] if generator.random() < 0.9 else 1)
    for _ in range(3):
        corner = generator.uniform(0, 200, 2)
        boxes.append(np.concatenate([corner, corner + 60]))
        labels.append(int(generator.integers(3)))
    boxes = np.array(boxes)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    return {
        "bboxes": torch.tensor(boxes).float(),
        "scores": torch.rand(len(boxes), generator=torch.manual_seed(len(boxes))),
        "labels": torch.tensor(labels),
    }


def test_agrees_with_the_kit_and_nearly_with_cocos_ap_at_50(cells, devkit):
    """The same definition to 1e-6, and another one to 0.01.

    COCO's differs: precision is read at 101 recalls, a detection may take an object that it
    overlaps less, and at most 100 detections of an image count.
    """
    metainfo = {"classes": CLASSES}
    voc = VOCDataset(
        data_root=str(cells),
        data_prefix={"img": "val", "ann": "xml"},
        metainfo=metainfo,
        test_mode=True,
    )
    coco = CocoDataset(
        data_root=str(cells),
        ann_file="annotations/instances_val.json",
        data_prefix={"img": "val/"},
        metainfo=metainfo,
        test_mode=True,
    )
    listed = {coco.get_data_info(i)["img_path"]: coco.get_data_info(i) for i in range(len(coco))}
    assert len(voc) == len(listed) > 50
    ours = VOCMetric(eval_mode="area", classwise=True)
    theirs = CocoMetric(str(cells / "annotations" / "instances_val.json"), metric="bbox")
    ours.dataset_meta = theirs.dataset_meta = metainfo
    generator = np.random.default_rng(0)
    found, there = {0: [], 1: [], 2: []}, {0: {}, 1: {}, 2: {}}
    for index in range(len(voc)):
        info = voc.get_data_info(index)
        same = listed[info["img_path"]]
        assert info["instances"] == same["instances"]  # boxes, labels and flags
        predicted = detections(info, generator)
        objects = {
            "bboxes": torch.tensor([one["bbox"] for one in info["instances"]]).float(),
            "labels": torch.tensor([one["bbox_label"] for one in info["instances"]]),
        }
        shape = (info["height"], info["width"])
        sample = {"gt_instances": objects, "pred_instances": predicted, "ori_shape": shape}
        ours.process(None, [{**sample, "img_id": info["img_id"]}])
        theirs.process(None, [{**sample, "img_id": same["img_id"]}])
        for label, box in zip(objects["labels"].tolist(), objects["bboxes"].tolist(), strict=True):
            x1, y1, x2, y2 = box
            there[label].setdefault(index, []).append(((x1, y1, x2 - 1, y2 - 1), False))
        for score, label, box in zip(
            *(predicted[key].tolist() for key in ("scores", "labels", "bboxes")), strict=True
        ):
            x1, y1, x2, y2 = box
            found[label].append((index, score, (x1, y1, x2 - 1, y2 - 1)))
    result = ours.evaluate(len(voc))
    for label, name in enumerate(CLASSES):
        positives = sum(map(len, there[label].values()))
        wanted = devkit.ap(devkit.voc(found[label], there[label]), positives, "area")
        assert 0.02 < wanted < 0.9
        assert result[f"pascal_voc/{name}_AP"] == pytest.approx(wanted, abs=1e-6)
    at_50 = theirs.evaluate(len(voc))["coco/bbox_mAP_50"]
    print(f"VOC's mAP {result['pascal_voc/mAP']:.4f}, COCO's AP50 {at_50:.4f}")
    assert result["pascal_voc/mAP"] == pytest.approx(at_50, abs=0.01)
