"""Several R-CNNs as one: averages of their own outputs, from files too, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from mmpretrain.structures import DataSample

from mmresnet.detection.combine import combine_detectors
from mmresnet.engine.assembly import load_model, prepare
from mmresnet.errors import UserError
from mmresnet.models.localizers import RegionLocalizer, RegionLocalizerEnsemble
from mmresnet.weights.checkpoint import read

NET = {"type": "mmresnet.CifarResNet", "depth": 8, "base_channels": 4}
PROPOSALS = [
    [[2, 3, 20, 20], [0, 0, 30, 24], [5, 5, 15, 21]],
    [[1, 1, 9, 9], [10, 2, 28, 22], [4, 4, 24, 18]],
]
IMAGE = torch.randint(256, (3, 24, 30), generator=torch.Generator().manual_seed(3)).float()


def member(size=16, mean=100.0, num_classes=3):
    head = {"type": "mmresnet.PerClassRegionHead", "num_classes": num_classes, "in_channels": 16}
    preprocessor = {"type": "ImgDataPreprocessor", "mean": [mean] * 3, "std": [50.0] * 3}
    return {
        "type": "mmresnet.RegionLocalizer",
        "backbone": NET,
        "head": head,
        "size": size,
        "data_preprocessor": preprocessor,
    }


def drawn(seed, **options):
    """Return a member with weights of its own."""
    torch.manual_seed(seed)
    net = MODELS.build(member(**options))
    net.init_weights()
    for parameter in net.head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return net.eval()


def sample():
    one = DataSample().set_gt_label(2)
    one.set_metainfo({"img_shape": (24, 30), "img_path": "a.png"})
    one.set_field(np.array([0]), "predicted_classes")
    one.set_field(np.float32(PROPOSALS), "proposals")
    return one


def expected(nets):
    """Return the averages for both classes, whose regions each net has seen in its own way."""
    regions, classes = torch.tensor(PROPOSALS).float(), torch.tensor([2, 0])
    outputs = []
    for net in nets:
        (image,) = net.data_preprocessor({"inputs": [IMAGE]})["inputs"]
        outputs.append(net.score_regions(image, regions, classes))
    scores, boxes = ((one + other) / 2 for one, other in zip(*outputs, strict=True))
    best = scores.argmax(1)
    assert not all(torch.equal(own.argmax(1), best) for own, _ in outputs)
    return boxes[[0, 1], best], scores[[0, 1], best]


def assert_is(found, boxes, scores):
    torch.testing.assert_close(found.gt_class_bbox, boxes[0])
    torch.testing.assert_close(found.pred_bboxes, boxes[1:])
    torch.testing.assert_close(found.pred_scores, scores[1:])
    assert found.pred_labels.tolist() == [0]


@pytest.fixture(scope="module")
def nets():
    return [drawn(3), drawn(8, size=32, mean=10.0)]


def test_outputs_are_averaged(nets):
    ensemble = RegionLocalizerEnsemble([member(), member(size=32, mean=10.0)]).eval()
    for own, net in zip(ensemble.members, nets, strict=True):
        own.load_state_dict(net.state_dict())
    (found,) = ensemble.test_step({"inputs": [IMAGE], "data_samples": [sample()]})
    assert_is(found, *expected(nets))


def test_it_is_written_as_config_and_checkpoint(nets, tmp_path):
    files = []
    for name, net, model in (
        ("one", nets[0], member()),
        ("two", nets[1], member(size=32, mean=10.0)),
    ):
        shared = model.pop("data_preprocessor")  # as in recipes, beside the model
        Config({"model": model, "data_preprocessor": shared}).dump(str(tmp_path / f"{name}.py"))
        torch.save({"state_dict": net.state_dict()}, tmp_path / f"{name}.pth")
        files.append((str(tmp_path / f"{name}.py"), str(tmp_path / f"{name}.pth")))
    written = combine_detectors(files, tmp_path / "both")
    assert written.config == Path(tmp_path / "both" / "both.py")
    ensemble = load_model(prepare(written.config), read(written.checkpoint), "cpu")
    (found,) = ensemble.test_step({"inputs": [IMAGE], "data_samples": [sample()]})
    assert_is(found, *expected(nets))


def test_what_does_not_go_together_is_refused():
    with pytest.raises(UserError, match=r"members\.1 has 4 classes and model\.members\.0 3"):
        RegionLocalizerEnsemble([member(), member(num_classes=4)])
    with pytest.raises(UserError, match=r"members\.1 is a CifarResNet: .*RegionLocalizer"):
        RegionLocalizerEnsemble([member(), NET])
    ensemble = RegionLocalizerEnsemble([member(), member()])
    with pytest.raises(UserError, match="train its members one by one"):
        ensemble([IMAGE], [sample()], mode="loss")


def test_a_member_alone_is_itself(nets):
    assert isinstance(nets[0], RegionLocalizer)
    ensemble = RegionLocalizerEnsemble([member()]).eval()
    ensemble.members[0].load_state_dict(nets[0].state_dict())
    data = {"inputs": [IMAGE], "data_samples": [sample()]}
    (found,) = ensemble.test_step(data)
    (own,) = nets[0].test_step({"inputs": [IMAGE], "data_samples": [sample()]})
    for name in ("gt_class_bbox", "pred_bboxes", "pred_scores"):
        torch.testing.assert_close(found.get(name), own.get(name), rtol=0, atol=0)
