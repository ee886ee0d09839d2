"""Proposals for a data set: they are the localizer's, and an interrupted call goes on."""

import ilsvrc
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmresnet.datasets.class_scores import ClassScores, save
from mmresnet.datasets.imagenet_loc.proposals import ProposalFiles
from mmresnet.engine.proposals import make_proposals
from mmresnet.errors import UserError
from mmresnet.models.localizers import Localizer

NET = {"type": "mmresnet.CifarResNet", "depth": 8, "base_channels": 4}
PIPELINE = [
    {"type": "mmresnet.LoadImageWithBoxes"},
    {"type": "PackInputs", "algorithm_keys": ("gt_bboxes", "predicted_classes")},
]
MODEL = {
    "type": "mmresnet.Localizer",
    "backbone": NET,
    "head": {
        "type": "mmresnet.PerClassRPNHead",
        "num_classes": 2,
        "in_channels": 16,
        "feat_channels": 4,
        "stride": 4,
        "anchor_sizes": (16,),
    },
    "test_cfg": {"scales": (32,), "crop": None},
    "data_preprocessor": {"type": "ImgDataPreprocessor", "mean": [0] * 3, "std": [255.0] * 3},
}


@pytest.fixture
def run(tmp_path):
    """A function that makes proposals for a small set with fixed weights."""
    root = ilsvrc.write(tmp_path / "ILSVRC")
    dataset = {
        "type": "mmresnet.ImageNetLoc",
        "data_root": str(root),
        "split": "val",
        "scores": str(tmp_path / "s.npz"),
        "topk": 1,
        "test_mode": True,
        "pipeline": PIPELINE,
    }
    torch.manual_seed(0)
    model = {key: value for key, value in MODEL.items() if key != "type"}
    torch.save({"state_dict": Localizer(**model).state_dict()}, tmp_path / "a.pth")
    cfg = Config({"default_scope": "mmpretrain", "model": MODEL, "test_dataloader": {}})
    cfg.test_dataloader.dataset = dataset

    def call(folder, model=MODEL, scores=((0.2, 0.8), (0.9, 0.1)), **options):
        cfg.model = model
        save(
            tmp_path / "s.npz",
            ClassScores(
                np.float32(scores),
                ["ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002"],
                list(ilsvrc.CLASSES),
            ),
        )
        options = {"count": 3, "device": "cpu", "batch_size": 1, **options}
        return make_proposals(cfg, str(tmp_path / "a.pth"), tmp_path / folder, **options)

    return call


def test_proposals_are_those_of_the_localizer(run, tmp_path):
    files, steps = run("p")
    assert sum(steps) == 2 and files.done.all()
    assert files.images == ["ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002"]
    assert files.classes.tolist() == [[1, 1], [0, 0]]  # its own, and the predicted one
    assert files.boxes.shape == (2, 2, 3, 4)
    np.testing.assert_array_equal(files.boxes[:, 0], files.boxes[:, 1])
    assert (np.diff(files.scores, axis=2) <= 0).all()
    assert (files.boxes[..., :2] >= 0).all()
    assert (files.boxes[..., 2] <= 50).all() and (files.boxes[..., 3] <= 40).all()


def test_training_images_have_proposals_for_their_own_class(run):
    files, steps = run("p", split="train")
    assert sum(steps) == 3
    assert files.classes.tolist() == [[0], [0], [1]]


def test_an_interrupted_call_goes_on(run, tmp_path):
    whole, steps = run("whole")
    list(steps)
    _, steps = run("p")
    next(steps)
    steps.close()
    assert ProposalFiles(tmp_path / "p").done.tolist() == [True, False]
    files, steps = run("p")
    assert list(steps) == [1]
    np.testing.assert_array_equal(files.boxes, whole.boxes)


def test_other_arguments_do_not_overwrite(run):
    list(run("p")[1])
    with pytest.raises(UserError, match="made otherwise: shape was"):
        run("p", count=4)
    with pytest.raises(UserError, match="made otherwise: predicted classes was"):
        run("p", scores=((0.9, 0.1), (0.9, 0.1)))
    with pytest.raises(UserError, match="made otherwise: scales was"):
        run("p", cfg_options={"model.test_cfg.scales": [40]})


def test_wrong_arguments_are_told(run):
    with pytest.raises(UserError, match="--count 0: give at least 1"):
        run("p", count=0)
    with pytest.raises(UserError, match=r"'train' or 'test', not 'tests'.*'test'"):
        run("p", split="tests")
    region = {"type": "mmresnet.PerClassRegionHead", "num_classes": 2, "in_channels": 16}
    with pytest.raises(
        UserError, match="trains a RegionLocalizer, and proposals are made by a Localizer"
    ):
        run("p", model={"type": "mmresnet.RegionLocalizer", "backbone": NET, "head": region})
