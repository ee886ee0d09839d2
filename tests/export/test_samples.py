"""The images that an export is compared on."""

import numpy as np
import pytest

pytest.importorskip("mmpretrain")

from mmresnet.engine.assembly import prepare
from mmresnet.errors import ExportError, UserError
from mmresnet.export.preparation import prepare_like
from mmresnet.export.samples import check_preparation, find_samples


@pytest.fixture
def find(tiny_images):
    """``find(paths, number)`` returns samples of the digits recipe on the tiny images."""

    def samples(paths=(), number=100, root=tiny_images, recipe="digits_resnet20"):
        cfg = prepare(recipe, {"data_root": str(root), "num_classes": 3})
        return find_samples(cfg, prepare_like(cfg), [str(path) for path in paths], number)

    return samples


def test_they_are_spread_over_the_validation_set(find):
    samples = find(number=3)
    assert samples.source == "3 of the 6 images of the validation set"
    assert [int(sample.gt_label) for sample in samples.data] == [0, 1, 2]
    assert [image.shape for image in samples.images] == [(16, 16, 3)] * 3
    assert len(find().images) == 6
    for image, channel in zip(samples.images, (2, 1, 0), strict=True):  # classes are R, G, B
        assert image.mean((0, 1)).argmax() == channel


def test_without_data_they_are_synthetic(find, tmp_path):
    samples = find(root=tmp_path / "nowhere")
    assert samples.source.startswith("synthetic images, since the validation set cannot be read (")
    assert "nowhere" in samples.source
    assert samples.images[0].shape == (16, 16, 3)
    assert samples.data[0] is None
    assert not np.array_equal(samples.images[0], samples.images[1])


def test_data_are_not_downloaded(find, tmp_path):
    samples = find(root=tmp_path, recipe="resnet20_1xb128_cifar10")
    assert samples.source.startswith("synthetic images, since the validation set cannot be read (")
    assert samples.images[0].shape == (32, 32, 3)


def test_images_of_ones_own(find, tiny_images, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.jpg").write_text("no image")
    samples = find([tiny_images / "val", tiny_images / "train/cat/0.jpg"], number=10)
    assert samples.source == "7 images of --images"
    assert find([tiny_images / "val"], number=2).source == "2 images of --images"
    for given, said in (("notes.txt", "cannot be used"), ("", "is no image"), ("no", "is no file")):
        with pytest.raises(UserError, match=f"--images.*{said}"):
            find([tmp_path / given])


def test_files_for_a_recipe_with_its_data_in_memory(find, tiny_images):
    samples = find([tiny_images / "val/cat"], recipe="resnet20_1xb128_cifar10")
    assert samples.images[0].shape == (32, 32, 3)
    assert samples.images[0].mean((0, 1)).argmax() == 2  # red, in BGR


def test_one_file_in_a_hundred_may_be_decoded_otherwise(find):
    samples = find()
    images = dict(zip(samples.paths, samples.images, strict=True))
    check_preparation(images.get, samples)
    with pytest.raises(ExportError, match="1 of 6 images differently from the recipe, as '"):
        check_preparation(lambda path: images[path] + (path == samples.paths[4]), samples)
