"""The COCO metric agrees with pycocotools and mmdet, and its error messages."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("mmdet")
pytest.importorskip("faster_coco_eval")

from mmresnet.errors import UserError
from mmresnet.evaluation.detection.coco_metric import CocoMetric

CLASSES = ("owl", "cat", "dog", "yak")  # not in the file's order; there are no boxes of 'yak'
FILE_ORDER = {"cat": 11, "yak": 12, "owl": 3, "dog": 40}
SIZE = 256


def mask_of(box):
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    x, y, right, bottom = np.rint(box).astype(int)
    mask[max(y, 0) : max(bottom, 0), max(x, 0) : max(right, 0)] = 1
    return mask


def draw_set(folder, crowds, first_id=1, images=24, seed=0):
    """Write a file of some hundred boxes, and return it with predictions for each image."""
    from pycocotools import mask as mask_tools

    draw = np.random.default_rng(seed)
    names = list(CLASSES[:3])
    annotations, predictions = [], []
    for number in range(1, images + 1):
        truth = []
        for _ in range(0 if number % 6 == 0 else draw.integers(1, 30)):
            corner = draw.uniform(0, SIZE * 0.7, 2)
            extent = np.exp(draw.uniform(np.log(4), np.log(140), 2))
            box = np.concatenate([corner, np.minimum(corner + extent, SIZE)]).round(1)
            truth.append((box, draw.choice(names)))
        for box, name in truth:
            crowd = bool(crowds and draw.random() < 0.15)
            encoded = mask_tools.encode(np.asfortranarray(mask_of(box)))
            encoded["counts"] = encoded["counts"].decode()
            annotations.append(
                {
                    "id": len(annotations) + first_id,
                    "image_id": number,
                    "category_id": FILE_ORDER[name],
                    "bbox": [*box[:2], *(box[2:] - box[:2])],
                    "area": float(mask_of(box).sum()),
                    "iscrowd": int(crowd),
                    "segmentation": encoded,
                }
            )
        found = [(box + draw.normal(0, 3, 4), name) for box, name in truth for _ in range(2)]
        many = 150 if number == 5 else draw.integers(0, 12)  # more than COCO evaluates in an image
        for _ in range(many):
            corner = draw.uniform(0, SIZE * 0.6, 2)
            found.append((np.concatenate([corner, corner + 20]), draw.choice(CLASSES)))
        if number == 7:
            found = []
        boxes = torch.tensor(np.array([box for box, _ in found])).float().reshape(-1, 4)
        boxes[:, 2:] = torch.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        scores = torch.tensor(draw.random(len(found)).round(2)).float()  # some are equal
        order = scores.argsort(descending=True, stable=True)
        labels = torch.tensor([CLASSES.index(name) for _, name in found], dtype=torch.long)
        predictions.append(
            {
                "img_id": number,
                "ori_shape": (SIZE, SIZE),
                "pred_instances": {
                    "bboxes": boxes[order],
                    "scores": scores[order],
                    "labels": labels[order],
                    "masks": torch.tensor(
                        np.array([mask_of(boxes[i].numpy()) for i in order])
                    ).reshape(-1, SIZE, SIZE),
                },
            }
        )
    content = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "width": SIZE, "height": SIZE}
            for i in range(1, images + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for name, i in FILE_ORDER.items()],
    }
    path = folder / "truth.json"
    path.write_text(json.dumps(content))
    return str(path), predictions


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_set(tmp_path_factory.mktemp("drawn"), crowds=True)


def measure(path, predictions, classes=CLASSES, **keywords):
    metric = CocoMetric(ann_file=path, **keywords)
    metric.dataset_meta = {"classes": classes}
    for sample in predictions:
        metric.process({}, [sample])
    return metric.evaluate(len(predictions))


def by_pycocotools(path, predictions, kind, use_categories=1, images=None):
    """Return what pycocotools computes, unrounded: its 12 statistics and its precisions."""
    from pycocotools import mask as mask_tools
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO(path)
    detections = []
    for sample in predictions:
        found = sample["pred_instances"]
        for box, score, label, mask in zip(
            found["bboxes"].double().numpy(),
            found["scores"].double().tolist(),
            found["labels"].tolist(),
            found["masks"].numpy(),
            strict=True,
        ):
            shape = {"bbox": [*box[:2], *(box[2:] - box[:2])]}
            if kind == "segm":
                shape = {"segmentation": mask_tools.encode(np.asfortranarray(mask))}
            detections.append(
                {
                    "image_id": sample["img_id"],
                    "category_id": FILE_ORDER[CLASSES[label]],
                    "score": score,
                    **shape,
                }
            )
    evaluation = COCOeval(truth, truth.loadRes(detections), kind)
    evaluation.params.maxDets = [100, 300, 1000]
    evaluation.params.useCats = use_categories
    evaluation.params.catIds = sorted(FILE_ORDER.values())
    evaluation.params.imgIds = [sample["img_id"] for sample in predictions]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats, evaluation.eval["precision"]


NAMES = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")
RECALLS = ("AR@100", "AR@300", "AR@1000", "AR_s@1000", "AR_m@1000", "AR_l@1000")


def test_the_drawn_set_has_every_special_case(drawn):
    path, predictions = drawn
    content = json.loads(Path(path).read_text())
    assert len(content["annotations"]) > 200
    assert sum(a["iscrowd"] for a in content["annotations"]) > 10
    with_boxes = {a["image_id"] for a in content["annotations"]}
    assert len(content["images"]) - len(with_boxes) >= 4
    assert max(len(p["pred_instances"]["scores"]) for p in predictions) > 100
    assert sum(len(p["pred_instances"]["scores"]) for p in predictions) > 500


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_precision_equals_pycocotools(kind, drawn):
    path, predictions = drawn
    found = measure(path, predictions, metric=kind, classwise=True)
    stats, precision = by_pycocotools(path, predictions, kind)
    assert 0.05 < stats[0] < 0.95
    assert [found[f"coco/{kind}_{n}"] for n in NAMES] == pytest.approx(stats[:6], abs=1e-12)
    for name in CLASSES:
        own = precision[:, :, sorted(FILE_ORDER.values()).index(FILE_ORDER[name]), 0, 0]
        expected = own[own > -1].mean() if (own > -1).any() else np.nan
        value = found[f"coco/{kind}_{name}_precision"]
        assert value == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_recall_of_proposals_equals_pycocotools(drawn):
    path, predictions = drawn
    found = measure(path, predictions, metric="proposal")
    stats, _ = by_pycocotools(path, predictions, "bbox", use_categories=0)
    assert [found[f"coco/{name}"] for name in RECALLS] == pytest.approx(stats[6:], abs=1e-12)


def test_results_equal_mmdets_after_rounding(drawn):
    from mmdet.evaluation import CocoMetric as DetCocoMetric

    path, predictions = drawn
    in_file_order = tuple(FILE_ORDER)  # the only order that mmdet's gets right
    renumbered = [
        {
            **p,
            "pred_instances": {
                **p["pred_instances"],
                "labels": torch.tensor(
                    [in_file_order.index(CLASSES[i]) for i in p["pred_instances"]["labels"]],
                    dtype=torch.long,
                ),
            },
        }
        for p in predictions
    ]
    theirs = DetCocoMetric(ann_file=path, metric=["bbox", "segm", "proposal"])
    theirs.dataset_meta = {"classes": in_file_order}
    for sample in renumbered:
        theirs.process({}, [sample])
    expected = theirs.evaluate(len(renumbered))
    ours = measure(path, renumbered, in_file_order, metric=["bbox", "segm", "proposal"])
    assert list(ours) == list(expected)
    assert [round(value, 3) for value in ours.values()] == list(expected.values())


def test_an_annotation_with_id_0_counts(tmp_path):
    (tmp_path / "from0").mkdir()
    (tmp_path / "from1").mkdir()
    results = [
        measure(*draw_set(tmp_path / f"from{first}", crowds=False, first_id=first, images=8))
        for first in (0, 1)
    ]
    assert results[0] == results[1]


def test_images_without_predictions_are_not_evaluated(drawn):
    path, predictions = drawn
    found = measure(path, predictions[:9], metric="bbox")
    stats, _ = by_pycocotools(path, predictions[:9], "bbox")
    assert [found[f"coco/bbox_{n}"] for n in NAMES] == pytest.approx(stats[:6], abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_predictions_of_other_dtypes(dtype, drawn):
    path, predictions = drawn
    narrow, wide = [], []
    for p in predictions:
        instances = dict(p["pred_instances"])
        for key in ("bboxes", "scores"):
            instances[key] = instances[key].to(dtype)
        narrow.append({**p, "pred_instances": dict(instances)})
        for key in ("bboxes", "scores"):
            instances[key] = instances[key].float()
        wide.append({**p, "pred_instances": instances})
    assert measure(path, narrow) == measure(path, wide)


def test_without_detections_the_precision_is_zero(drawn):
    path, predictions = drawn
    empty = [
        {**p, "pred_instances": {k: v[:0] for k, v in p["pred_instances"].items()}}
        for p in predictions
    ]
    found = measure(path, empty, metric=["bbox", "segm", "proposal", "proposal_fast"])
    assert found["coco/bbox_mAP"] == found["coco/segm_mAP_50"] == 0
    assert found["coco/AR@100"] == 0


def test_the_table_names_every_class_and_its_boxes(drawn):
    from mmengine.logging import MMLogger

    path, predictions = drawn
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    try:
        found = measure(path, predictions, metric="bbox")
    finally:
        logger.removeHandler(handler)
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
        for cells in (line.split("|") for line in "\n".join(lines).splitlines() if "|" in line)
    }
    content = json.loads(Path(path).read_text())
    for name in CLASSES:
        kept = [
            a
            for a in content["annotations"]
            if a["category_id"] == FILE_ORDER[name] and not a["iscrowd"]
        ]
        assert rows[name][0] == str(len(kept))
    assert rows["yak"] == ["0", "-", "-", "-", "-", "-", "-"]
    assert rows["all"][1] == f"{found['coco/bbox_mAP']:.3f}"
    assert rows["class"][1:3] == ["AP", "AP_50"]


def test_ground_truth_from_the_samples():
    sample = {
        "img_id": 4,
        "ori_shape": (100, 100),
        "instances": [{"bbox": [10, 10, 50, 50], "bbox_label": 2, "ignore_flag": 0}],
        "pred_instances": {
            "bboxes": torch.tensor([[10.0, 10.0, 50.0, 50.0]]),
            "scores": torch.tensor([0.5]),
            "labels": torch.tensor([2]),
        },
    }
    assert measure(None, [sample])["coco/bbox_mAP"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("keywords", "classes", "words"),
    [
        ({}, ("owl", "cta"), ["'owl', 'cta'", "'cat', 'yak', 'owl', 'dog'", "mean 'cat'?"]),
        ({"metric_items": ["mAP_90"]}, CLASSES, ["no 'mAP_90'", "mAP_75"]),
    ],
)
def test_error_messages(keywords, classes, words, drawn):
    with pytest.raises(UserError) as caught:
        measure(*drawn, classes, **keywords)
    assert [word for word in words if word not in str(caught.value)] == []


def test_images_of_another_file(drawn):
    path, predictions = drawn
    with pytest.raises(UserError, match=r"1 of 1 predicted images are not in .* id 99"):
        measure(path, [{**predictions[0], "img_id": 99}])


def test_masks_that_the_model_does_not_predict(drawn):
    path, predictions = drawn
    boxes = {k: v for k, v in predictions[0]["pred_instances"].items() if k != "masks"}
    with pytest.raises(UserError, match="needs masks"):
        measure(path, [{**predictions[0], "pred_instances": boxes}], metric="segm")


def test_a_missing_file_is_reported_at_the_start():
    with pytest.raises(UserError, match=r"no annotation file 'no/such\.json'"):
        CocoMetric(ann_file="no/such.json")


def test_results_are_written_as_mmdet_writes_them(drawn, tmp_path):
    path, predictions = drawn
    prefix = str(tmp_path / "found")
    assert measure(path, predictions, format_only=True, outfile_prefix=prefix) == {}
    boxes = json.loads((tmp_path / "found.bbox.json").read_text())
    assert len(boxes) == sum(len(p["pred_instances"]["scores"]) for p in predictions)
    assert {box["category_id"] for box in boxes} <= set(FILE_ORDER.values())
