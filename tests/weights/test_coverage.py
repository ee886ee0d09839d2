"""Which checkpoints fill a model, and the error messages for the others."""

import pytest
import torch
from torch import nn

from mmresnet.errors import UserError
from mmresnet.weights import load_weights


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
    assert load_weights(Detector(80), path, coverage="all").notes == []
    (note,) = load_weights(Detector(), path, coverage="all_but_heads").notes
    assert note.startswith("2 tensors of the head are not in the checkpoint with this shape")


def test_a_head_for_other_classes_cannot_be_tested(saved):
    path = saved(Detector(2).state_dict(), classes=("cat", "dog"))
    with pytest.raises(UserError) as caught:
        load_weights(Detector(), path, coverage="all")
    said = str(caught.value)
    assert "trained on 'cat', 'dog', is for another number of classes" in said
    assert "fc_cls.bias has (3,) elements, and the model's (4,)" in said


def test_a_proposal_head_has_to_fit(saved):
    state = {key: value for key, value in Detector().state_dict().items() if "rpn" not in key}
    with pytest.raises(UserError, match=r"2 tensors are missing.*rpn_head"):
        load_weights(Detector(), saved(state), coverage="all_but_heads")


def test_weights_of_a_backbone_alone(saved):
    state = nn.Sequential(nn.Linear(2, 2)).state_dict()
    with pytest.raises(UserError, match=r"backbone alone .* model\.backbone\.init_cfg"):
        load_weights(Detector(), saved(state), coverage="all_but_heads")


def test_a_checkpoint_must_fill_the_model(tmp_path):
    model = nn.Sequential(nn.Linear(2, 3))
    path = str(tmp_path / "weights.pth")
    torch.save({"state_dict": model.state_dict()}, path)
    load_weights(model, path, coverage="all")
    with pytest.raises(UserError, match="2 of another shape"):
        load_weights(nn.Sequential(nn.Linear(4, 5)), path, coverage="all")
    with pytest.raises(UserError, match="2 tensors are missing, 0 unexpected"):
        load_weights(nn.Sequential(*model, nn.Linear(3, 3)), path, coverage="all")


def test_only_the_head_may_differ(tmp_path):
    path = str(tmp_path / "weights.pth")
    torch.save(nn.ModuleDict({"head": nn.Linear(2, 3), "body": nn.Linear(2, 2)}).state_dict(), path)
    other_head = nn.ModuleDict({"head": nn.Linear(2, 9), "body": nn.Linear(2, 2)})
    load_weights(other_head, path, coverage="all_but_heads")
    with pytest.raises(UserError, match=r"head\.bias"):
        load_weights(other_head, path, coverage="all")


def test_a_training_that_diverged(saved):
    state = Detector().state_dict()
    state["rpn_head.bias"][0] = float("nan")
    with pytest.raises(UserError, match=r"infinite or NaN \(the first: rpn_head\.bias\)"):
        load_weights(Detector(), saved(state), coverage="all")
