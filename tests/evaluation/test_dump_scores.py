"""The metric that writes class scores: every image once, in the order of the data set."""

import numpy as np
import pytest
import torch

from mmresnet.datasets.class_scores import load
from mmresnet.errors import UserError
from mmresnet.evaluation.dump_scores import DumpScores


def sample(index, label=0, **changed):
    score = torch.tensor([index / 10, 1 - index / 10])
    values = {"sample_idx": index, "img_path": f"/d/{index}.jpg", "pred_score": score}
    return {**values, "gt_label": torch.tensor([label]), **changed}


def dump(path, samples, size, classes=("cat", "dog")):
    metric = DumpScores(str(path), {"protocol": "recipe"})
    metric.dataset_meta = {"classes": classes} if classes else {}
    for one in samples:
        metric.process(None, [one])
    assert metric.evaluate(size) == {}
    return load(path)


def test_images_in_the_order_of_the_data_set(tmp_path):
    found = dump(tmp_path / "a.npz", [sample(2, 1), sample(0), sample(1)], 3)
    assert found.images == ["0.jpg", "1.jpg", "2.jpg"]
    np.testing.assert_allclose(found.scores, [[0, 1], [0.1, 0.9], [0.2, 0.8]], rtol=1e-6)
    assert found.labels.tolist() == [0, 0, 1]
    assert found.classes == ["cat", "dog"]
    assert found.test == {"protocol": "recipe"}


def test_without_files_labels_and_names(tmp_path):
    samples = [sample(i, img_path=None, gt_label=None) for i in range(2)]
    found = dump(tmp_path / "a.npz", samples, 2, classes=None)
    assert (found.images, found.classes, found.labels) == (["0", "1"], ["0", "1"], None)


def test_several_labels_are_no_label(tmp_path):
    samples = [sample(0), sample(1, gt_label=torch.tensor([0, 1]))]
    assert dump(tmp_path / "a.npz", samples, 2).labels is None


def test_16_bits_become_32(tmp_path):
    half = sample(0, pred_score=torch.tensor([0.5, 0.25], dtype=torch.bfloat16))
    assert dump(tmp_path / "a.npz", [half], 1).scores.tolist() == [[0.5, 0.25]]


def test_a_missing_image_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"not written: 2 of 3 images .* DefaultSampler"):
        dump(tmp_path / "a.npz", [sample(0), sample(2), sample(2)], 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["sample_idx", "pred_score"])
def test_a_sample_that_cannot_be_written_is_an_error(key, tmp_path):
    with pytest.raises(UserError, match=f"no '{key}'"):
        dump(tmp_path / "a.npz", [sample(0, **{key: None})], 1)
