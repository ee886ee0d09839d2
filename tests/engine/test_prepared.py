"""Batches that are normalized before their step."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.model import ImgDataPreprocessor
from mmengine.structures import InstanceData
from torch import nn

from mmresnet.engine.prepared import PreparedBatch, preparation_for
from mmresnet.engine.resume.compare import differences
from mmresnet.engine.watch.plain_values import to_plain

classification = pytest.importorskip("mmpretrain.models.utils.data_preprocessor")
DataSample = pytest.importorskip("mmpretrain.structures").DataSample
PIXELS = {"mean": [120.0, 110.0, 100.0], "std": [60.0, 50.0, 55.0]}


def images(number: int) -> list[torch.Tensor]:
    return [torch.randint(0, 256, (3, 30, 41), dtype=torch.uint8) for _ in range(number)]


def classified(number: int = 3) -> dict[str, Any]:
    return {
        "inputs": torch.stack(images(number)),
        "data_samples": [DataSample().set_gt_label(i) for i in range(number)],
    }


def detected() -> dict[str, Any]:
    structures = pytest.importorskip("mmdet.structures")
    boxes = pytest.importorskip("mmdet.structures.bbox").HorizontalBoxes
    BitmapMasks = pytest.importorskip("mmdet.structures.mask").BitmapMasks
    samples = []
    for _ in range(2):
        sample = structures.DetDataSample(metainfo={"img_shape": (30, 41)})
        sample.gt_instances = InstanceData(bboxes=boxes(torch.rand(3, 4)), labels=torch.arange(3))
        sample.gt_instances.masks = BitmapMasks(np.ones((3, 30, 41), np.uint8), 30, 41)
        samples.append(sample)
    return {"inputs": images(2), "data_samples": samples}


def of_classifier(**options: Any) -> nn.Module:
    return classification.ClsDataPreprocessor(**PIXELS, to_rgb=True, num_classes=5, **options)


def of_detector(**options: Any) -> nn.Module:
    detection = pytest.importorskip("mmdet.models.data_preprocessors")
    options = {"pad_size_divisor": 32, "bgr_to_rgb": True, "pad_mask": True, **options}
    return detection.DetDataPreprocessor(**PIXELS, **options)


@pytest.mark.parametrize(
    ("made", "batch"),
    [
        (of_classifier, classified),
        (lambda: of_classifier(to_onehot=True), classified),
        (lambda: ImgDataPreprocessor(**PIXELS), lambda: {"inputs": images(2)}),
        (of_detector, detected),
    ],
    ids=["labels", "scores", "images", "boxes"],
)
def test_a_net_gets_what_it_would_have_got(made: Any, batch: Any) -> None:
    preprocessor, loaded = made(), batch()
    expected = made()(copy.deepcopy(loaded), True)
    prepare = preparation_for(preprocessor)
    prepared = prepare(loaded)
    assert isinstance(prepared, PreparedBatch)
    found = preprocessor(prepared, True)
    assert found.keys() == expected.keys()
    assert torch.equal(found["inputs"], expected["inputs"])
    assert found["inputs"] is prepared.prepared["inputs"]  # nothing is left for the step
    assert list(differences(*(to_plain(data["data_samples"]) for data in (found, expected)))) == []


def test_hooks_see_the_batch_that_was_loaded() -> None:
    loaded = detected()
    shown = preparation_for(of_detector())(loaded)
    assert list(shown) == ["inputs", "data_samples"]
    assert shown["inputs"] is loaded["inputs"]
    assert shown["inputs"][0].dtype == torch.uint8
    assert type(shown["data_samples"][0].gt_instances.bboxes).__name__ == "HorizontalBoxes"


def test_other_batches_are_normalized_in_the_step() -> None:
    preprocessor = of_classifier()
    prepare = preparation_for(preprocessor)
    batch, other = classified(), classified()
    prepare(batch)
    for training in (True, False):
        found = preprocessor(copy.deepcopy(other), training)
        assert torch.equal(found["inputs"], of_classifier()(other, training)["inputs"])


class Own(classification.ClsDataPreprocessor):  # type: ignore[misc]
    """A data preprocessor of whom nothing is known."""


def mixing() -> nn.Module:
    return of_classifier(batch_augments={"augments": {"type": "Mixup", "alpha": 0.8}})


def resizing() -> nn.Module:
    augments = [{"type": "BatchFixedSizePad", "size": (64, 64)}]
    return of_detector(batch_augments=augments)


@pytest.mark.parametrize("made", [lambda: Own(**PIXELS), mixing, resizing, nn.Identity])
def test_what_may_be_random_stays_in_the_step(made: Any) -> None:
    preprocessor, batch = made(), classified()
    assert preparation_for(preprocessor)(batch) is batch
    assert "forward" not in vars(preprocessor)


def test_a_copy_of_a_model_has_its_own_data_preprocessor() -> None:
    """As EMA makes one, and a whole net beside one in parts, on another device."""
    preprocessor = of_classifier()
    preparation_for(preprocessor)
    other = copy.deepcopy(preprocessor)
    other.mean.zero_()
    batch = classified()
    expected = of_classifier()
    expected.mean.zero_()
    found = other(copy.deepcopy(batch), True)["inputs"]
    assert torch.equal(found, expected(batch, True)["inputs"])
    assert not torch.equal(found, preprocessor(batch, True)["inputs"])


def test_a_training_that_starts_again_prepares_as_before() -> None:
    preprocessor, batch = of_classifier(), classified()
    for _ in range(3):
        prepared = preparation_for(preprocessor)(copy.deepcopy(batch))
    assert torch.equal(
        preprocessor(prepared, True)["inputs"], of_classifier()(batch, True)["inputs"]
    )
