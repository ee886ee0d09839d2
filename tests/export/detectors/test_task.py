"""The comparison of a written detector with its model refuses what differs."""

import numpy as np
import pytest
import torch

from mmresnet.export.parity import Tolerance
from mmresnet.export.samples import find_samples


@pytest.fixture(scope="module")
def task(small_model, tiny_coco):
    from mmresnet.export.detectors.task import DetectorTask

    options = {"data_root": f"{tiny_coco}/", "val_dataloader.dataset.pipeline.1.scale": (96, 128)}
    cfg, model = small_model("faster-rcnn", options)
    return cfg, DetectorTask(cfg, {"meta": {"dataset_meta": {"classes": ("a", "b", "c")}}}, model)


@pytest.fixture(scope="module")
def samples(task):
    cfg, one = task
    return find_samples(cfg, one.preparation, (), 3)


def _verify(task, samples, change=lambda boxes, scores, labels: (boxes, scores, labels)):
    def predict(images):
        with torch.no_grad():
            return change(*(out.numpy() for out in task[1].module(torch.from_numpy(images))))

    return task[1].verify(predict, samples, [1, None, None, 3], Tolerance())


def test_the_same_detector_passes(task, samples):
    parity = _verify(task, samples)
    assert parity.problems == []
    figures = parity.figures
    assert figures["images"] == 3
    assert figures["boxes"] > 100
    assert figures["largest_difference"] < 1e-4
    assert figures["average_precision"] == figures["average_precision_of_model"]
    cases = {case["case"]: case for case in figures["cases"]}
    assert len({case["size"] for case in figures["cases"]}) == 4
    assert "without objects" in cases
    assert max(int(name.split()[0]) for name in cases if name[0].isdigit()) >= 300


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda b, s, k: (b + 3, s, k), "no counterpart with an IoU of 0.99"),
        (lambda b, s, k: (b, s + np.float32(0.01), k), "scores differ by up to 0.01"),
        (lambda b, s, k: (b[1:], s[1:], k[1:]), "boxes have no counterpart"),
        (lambda b, s, k: (b, s, (k + 1) % 3), "boxes have no counterpart"),
        (lambda b, s, k: (b, s * np.float32("nan"), k), "scores differ by up to nan"),
    ],
)
def test_a_difference_is_a_problem(task, samples, change, problem):
    problems = "; ".join(_verify(task, samples, change).problems)
    assert problem in problems


def test_a_fixed_size_is_compared_at_that_size_alone(task, samples):
    def predict(images):
        assert images.shape[1:] == samples.images[0].shape
        with torch.no_grad():
            return [out.numpy() for out in task[1].module(torch.from_numpy(images))]

    assert task[1].verify(predict, samples, [1, 102, 128, 3], Tolerance()).problems == []


def test_the_accuracy_is_cocos(task, samples):
    """A detector that finds what is there has an AP of 100."""
    images = {
        image.tobytes(): sample for image, sample in zip(samples.images, samples.data, strict=True)
    }

    def predict(image):
        sample = images[image[0].tobytes()]
        objects = sample.gt_instances
        boxes = objects.bboxes.tensor.numpy() * np.tile(sample.scale_factor, 2)
        return boxes, np.ones(len(objects)), objects.labels.numpy()

    assert task[1].accuracy(predict, samples) == pytest.approx(100)
