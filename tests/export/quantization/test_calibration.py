"""Images for the ranges of activations: of the training set, prepared as in the test."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmresnet.engine.assembly import prepare
from mmresnet.errors import UserError
from mmresnet.export.preparation import prepare_like
from mmresnet.export.quantization.calibration import calibration_images
from mmresnet.export.samples import find_samples

RECIPE = "digits_resnet20"


def images_of(cfg, number=300, **settings):
    return calibration_images(cfg, prepare_like(cfg), number, **settings)


def test_they_are_a_sample_of_the_training_set_as_the_test_prepares_it(tiny_images, small_options):
    cfg = prepare(RECIPE, small_options)
    samples = images_of(cfg, number=5)
    assert samples.source == "the training set, 5 of 12 images"
    assert len(set(samples.paths)) == 5
    assert images_of(prepare(RECIPE, small_options), number=5).paths == samples.paths
    assert len(images_of(prepare(RECIPE, small_options)).paths) == 12

    validation = prepare(RECIPE, small_options)
    validation.val_dataloader.dataset.data_prefix = "train"
    expected = find_samples(validation, prepare_like(validation), [], 12)
    for path, image in zip(samples.paths, samples.images, strict=True):
        np.testing.assert_array_equal(image, expected.images[expected.paths.index(path)])


def test_sets_that_are_joined_and_repeated_are_found(small_options):
    cfg = prepare(RECIPE, small_options)
    inner = cfg.train_dataloader.dataset
    twice = {"type": "RepeatDataset", "times": 2, "dataset": inner}
    cfg.train_dataloader.dataset = {"type": "ConcatDataset", "datasets": [twice, inner]}
    samples = images_of(cfg)
    assert len(samples.images) == 24
    assert len(set(samples.paths)) == 12


def test_a_training_set_that_cannot_be_read(tmp_path, small_options):
    cfg = prepare(RECIPE, small_options)
    cfg.train_dataloader.dataset.data_root = str(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"(?s)training set.*nowhere.*data_root.*--images"):
        images_of(cfg)
    named = find_samples(cfg, prepare_like(cfg), [], 2)
    assert images_of(cfg, named=named) is named
    cfg.train_dataloader = None
    with pytest.raises(UserError, match=r"no train_dataloader\.dataset"):
        images_of(cfg)
