"""Batches become plain values, and these the same batches."""

import io

import numpy as np
import pytest
import torch

from mmresnet.engine.watch.plain_values import from_plain, to_plain


def through_a_file(value):
    file = io.BytesIO()
    torch.save(to_plain(value), file)
    file.seek(0)
    return from_plain(torch.load(file, weights_only=True))


def test_collections_arrays_and_numbers():
    batch = {
        "inputs": [torch.ones(3, 2, 2, dtype=torch.uint8)],
        "scale": (np.float32(0.5), np.array([1.5, 2.5], dtype=np.float32)),
        "ids": np.array([1, 65535], dtype=np.uint16),
        "path": "a.png",
        "nothing": None,
    }
    found = through_a_file(batch)
    assert torch.equal(found["inputs"][0], batch["inputs"][0])
    assert found["scale"][0] == 0.5
    assert found["scale"][1].dtype == np.float32
    assert found["scale"][1].tolist() == [1.5, 2.5]
    assert (found["ids"].dtype, found["ids"].tolist()) == (np.uint16, [1, 65535])
    assert (found["path"], found["nothing"]) == ("a.png", None)


def test_a_sample_of_a_classifier():
    structures = pytest.importorskip("mmpretrain.structures")
    sample = structures.DataSample(metainfo={"img_path": "a.png", "num_classes": 3})
    sample.set_gt_label(2).set_gt_score(torch.tensor([0.0, 0.25, 0.75]))
    found = through_a_file([sample])[0]
    assert isinstance(found, structures.DataSample)
    assert found.metainfo == sample.metainfo
    assert found.gt_label.tolist() == [2]
    assert torch.equal(found.gt_score, sample.gt_score)


def test_a_sample_of_a_detector():
    pytest.importorskip("mmdet")
    from mmdet.structures import DetDataSample
    from mmdet.structures.bbox import HorizontalBoxes
    from mmdet.structures.mask import BitmapMasks, PolygonMasks
    from mmengine.structures import InstanceData

    boxes = HorizontalBoxes(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
    bitmap = BitmapMasks(np.eye(4, dtype=np.uint8)[None], 4, 4)
    polygon = PolygonMasks([[np.array([0.0, 0.0, 3.0, 0.0, 3.0, 3.0])]], 4, 4)
    for masks in (bitmap, polygon):
        sample = DetDataSample(metainfo={"img_shape": (4, 4), "scale_factor": (0.5, 0.5)})
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([1]), masks=masks)
        found = through_a_file(sample)
        assert isinstance(found, DetDataSample)
        assert found.img_shape == (4, 4)
        assert torch.equal(found.gt_instances.bboxes.tensor, boxes.tensor)
        assert found.gt_instances.labels.tolist() == [1]
        assert type(found.gt_instances.masks) is type(masks)
        assert np.array_equal(found.gt_instances.masks.to_ndarray(), masks.to_ndarray())
