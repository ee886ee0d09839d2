"""Which checkpoints a detector takes, and what is said of the others."""

import pytest
import torch
from torch import nn

from mmresnet.engine.check_checkpoint import check_checkpoint, trained_classes
from mmresnet.errors import UserError


class Detector(nn.Module):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.backbone = nn.Linear(2, 2)
        self.rpn_head = nn.Linear(2, 2)
        self.roi_head = nn.ModuleDict(
            {"bbox_head": nn.ModuleDict({"fc_cls": nn.Linear(2, classes + 1)})}
        )


@pytest.fixture
def saved(tmp_path):
    def save(state, **meta):
        path = str(tmp_path / "a.pth")
        torch.save({"state_dict": state, "meta": {"dataset_meta": meta}}, path)
        return path

    return save


def test_a_head_for_other_classes_starts_anew(saved):
    path = saved(Detector(80).state_dict())
    assert check_checkpoint(Detector(80), path, head_may_differ=False) == []
    (note,) = check_checkpoint(Detector(), path, head_may_differ=True)
    assert note.startswith("2 tensors of the head are not in the checkpoint with this shape")


def test_a_head_for_other_classes_cannot_be_tested(saved):
    path = saved(Detector(2).state_dict(), classes=("cat", "dog"))
    with pytest.raises(UserError) as caught:
        check_checkpoint(Detector(), path, head_may_differ=False)
    said = str(caught.value)
    assert "trained on 'cat', 'dog', is for another number of classes" in said
    assert "fc_cls.bias has (3,) elements, and the model's (4,)" in said


def test_a_proposal_head_has_to_fit(saved):
    state = {key: value for key, value in Detector().state_dict().items() if "rpn" not in key}
    with pytest.raises(UserError, match=r"2 tensors are missing.*rpn_head"):
        check_checkpoint(Detector(), saved(state), head_may_differ=True)


def test_weights_of_a_backbone_alone(saved):
    state = nn.Sequential(nn.Linear(2, 2)).state_dict()
    with pytest.raises(UserError, match=r"backbone alone .* model\.backbone\.init_cfg"):
        check_checkpoint(Detector(), saved(state), head_may_differ=True)


def test_classes_of_checkpoints():
    assert trained_classes({"meta": {"dataset_meta": {"classes": ["a", "b"]}}}) == ("a", "b")
    assert trained_classes({"meta": {"CLASSES": ("a", "b")}}) == ("a", "b")  # mmcv 1
    assert trained_classes({"meta": {"epoch": 1}}) is None
    assert trained_classes({"conv1.weight": torch.zeros(1)}) is None
