"""Exportable detectors find what mmdet's find, in PyTorch and in other runtimes."""

from pathlib import Path

import numpy as np
import pytest
import torch

KINDS = ("faster-rcnn", "mask-rcnn", "c4-roi-pool", "retina-net")


def _exportable(model):
    from mmresnet.export.detectors.supported import detector_class
    from mmresnet.export.wrappers import folded_copy

    return detector_class(model)(folded_copy(model)).eval()


def _of_mmdet(model, image):
    from mmdet.structures import DetDataSample

    size = image.shape[:2]
    sample = DetDataSample(metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0)))
    inputs = [torch.from_numpy(image).permute(2, 0, 1)]
    with torch.inference_mode():
        return model.test_step({"inputs": inputs, "data_samples": [sample]})[0].pred_instances


@pytest.mark.parametrize("kind", [*KINDS, pytest.param("c4", marks=pytest.mark.full)])
def test_detections_are_those_of_mmdet(kind, small_model, pictures):
    _, model = small_model(kind)
    exportable = _exportable(model)
    numbers = []
    for image in pictures:
        expected = _of_mmdet(model, image)
        with torch.no_grad():
            boxes, scores, labels, *_ = exportable(torch.from_numpy(image)[None])
        numbers.append(len(labels))
        assert torch.equal(labels, expected.labels), image.shape
        torch.testing.assert_close(scores, expected.scores, atol=1e-4, rtol=0)
        torch.testing.assert_close(boxes, expected.bboxes, atol=1e-2, rtol=0)
    assert max(numbers) > 10


def test_masks_are_those_of_mmdet(small_model, pictures):
    from mmresnet.export.detectors.runner import paste

    _, model = small_model("mask-rcnn")
    image = pictures[1]
    expected = _of_mmdet(model, image).masks.numpy()
    with torch.no_grad():
        boxes, _, _, masks = _exportable(model)(torch.from_numpy(image)[None])
    assert masks.shape[1:] == (28, 28)
    for mask, box, pixels in zip(masks.numpy(), boxes.numpy(), expected, strict=True):
        pasted = paste(mask, box, image.shape)
        assert np.count_nonzero(pasted != pixels) <= max(2, 0.01 * pixels.sum())
    assert expected.any((1, 2)).sum() > 5


NOTHING = {"model.test_cfg.rcnn.score_thr": 1.0}


@pytest.mark.full
@pytest.mark.parametrize(
    ("kind", "options"), [*((kind, {}) for kind in (*KINDS, "c4")), ("mask-rcnn", NOTHING)]
)
def test_other_runtimes_find_the_same(kind, options, small_model, pictures, tmp_path: Path):
    for package in ("onnxruntime", "onnxscript", "openvino"):
        pytest.importorskip(package)
    from mmresnet.export.targets import TARGETS

    _, model = small_model(kind, options)
    exportable = _exportable(model)
    for name in ("onnx", "openvino", "torch"):
        folder = tmp_path / name
        folder.mkdir()
        assert TARGETS[name].write(exportable, folder)["input_shape"] == [1, None, None, 3]
        predict = TARGETS[name].load(folder)
        for image in pictures:
            with torch.no_grad():
                expected = [one.numpy() for one in exportable(torch.from_numpy(image)[None])]
            assert bool(len(expected[0])) == (not options)
            found = predict(image[None])
            assert [one.shape for one in found] == [one.shape for one in expected], (
                name,
                image.shape,
            )
            for ours, theirs in zip(expected, found, strict=True):
                np.testing.assert_allclose(theirs, ours, atol=1e-2, rtol=0, err_msg=name)
