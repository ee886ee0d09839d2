"""The ground truth in data samples, and the error messages."""

from types import SimpleNamespace

import pytest
import torch

from mmresnet.models.heads.targets import gt_labels, gt_scores, multi_hot_labels, single_labels


def labelled(*labels):
    return [SimpleNamespace(gt_label=torch.tensor(own, dtype=torch.long)) for own in labels]


def test_single_labels():
    assert single_labels(labelled([2], [0], [9]), 10).tolist() == [2, 0, 9]


def test_several_labels_and_none():
    target = multi_hot_labels(labelled([0, 2], [], [1, 1]), 3)
    assert target.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_scores_take_precedence_over_labels():
    sample = SimpleNamespace(gt_label=torch.tensor([0]), gt_score=torch.tensor([0.25, 0.75]))
    assert gt_scores([sample], 2).tolist() == [[0.25, 0.75]]
    assert gt_scores(labelled([1]), 2) is None


@pytest.mark.parametrize("invalid", [12, -1])
def test_a_label_out_of_range_is_reported(invalid):
    batch = labelled([3], [0, invalid])
    batch[1].img_path = "cats/7.jpg"
    with pytest.raises(
        ValueError,
        match=rf"gt_label {invalid} of data sample 1 of the batch \(cats/7.jpg\) is out of range: "
        "num_classes=10 of the head allows 0 to 9.*disagree",
    ):
        gt_labels(batch, 10)


@pytest.mark.parametrize("targets", [gt_labels, multi_hot_labels])
def test_labels_that_are_known_in_memory_are_checked_there(targets):
    """The device, here torch's "meta", could not say what is in its tensor."""
    batch = labelled([3], [0, 12])
    for sample in batch:
        sample.gt_label_on_host, sample.gt_label = sample.gt_label, sample.gt_label.to("meta")
    assert {target.device.type for target in targets(batch, 13)} == {"meta"}
    with pytest.raises(ValueError, match="gt_label 12 of data sample 1"):
        targets(batch, 12)


def test_missing_ground_truth_is_reported():
    with pytest.raises(ValueError, match="data sample 1 of the batch has no gt_label"):
        gt_labels([*labelled([1]), SimpleNamespace()], 10)
    scored = SimpleNamespace(gt_score=torch.zeros(10))
    with pytest.raises(ValueError, match="data sample 1 of the batch has no gt_score"):
        gt_scores([scored, *labelled([1])], 10)
    for nothing in (None, []):
        with pytest.raises(ValueError, match="needs data_samples with the ground truth"):
            gt_scores(nothing, 10)


def test_scores_of_another_number_of_classes_are_reported():
    with pytest.raises(ValueError, match=r"shape \(10,\), but the head has num_classes=5"):
        gt_scores([SimpleNamespace(gt_score=torch.zeros(10))], 5)


def test_several_labels_for_a_single_label_head_are_reported():
    with pytest.raises(ValueError, match=r"sample 0 of the batch has 2 labels.*MultiLabelLinear"):
        single_labels(labelled([1, 2], [0]), 10)
