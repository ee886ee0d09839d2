"""A classifier's predictions on its test set: which images are returned, and the counts."""

import numpy as np
import pytest

from mmresnet.errors import UserError
from mmresnet.inference.predictions import predict

CLASSES = ("cat", "dog", "owl")  # red, green and blue images


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_images):
    """A config for the tiny images, and a checkpoint of its untrained model."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("mmpretrain")
    from mmresnet.config.load import load_config
    from mmresnet.engine.assembly import build_model

    settings = {"data_root": str(tiny_images), "num_classes": 3, "batch_size": 4}
    cfg = load_config("digits_resnet20", settings)
    torch.manual_seed(0)
    model = build_model(cfg)
    with torch.no_grad():  # every image is classified as an owl
        model.head.fc.weight.zero_()
        model.head.fc.bias.copy_(torch.tensor([0.0, 0.0, 5.0]))
    checkpoint = tmp_path_factory.mktemp("run") / "model.pth"
    torch.save({"state_dict": model.state_dict()}, checkpoint)
    return cfg, str(checkpoint)


def test_misclassified_images_come_first_and_all_are_counted(trained):
    found = predict(*trained, count=6)
    assert (found.correct, found.total, found.classes) == (2, 6, list(CLASSES))
    assert [one.correct for one in found.shown] == [False] * 4 + [True] * 2
    assert {one.predicted for one in found.shown} == {2}
    expected = np.exp(5) / (np.exp(5) + 2)
    assert all(one.confidence == pytest.approx(expected) for one in found.shown)


def test_images_are_returned_in_rgb(trained):
    for one in predict(*trained, count=6).shown:
        assert one.image.shape == (16, 16, 3)
        assert one.image.mean((0, 1)).argmax() == one.true


def test_fewer_images_are_returned_than_counted(trained):
    found = predict(*trained, count=3)
    assert (len(found.shown), found.correct, found.total) == (3, 2, 6)


def test_a_checkpoint_of_another_net_is_refused(trained, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"state_dict": {"other": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other\.pth' holds no ResNet"):
        predict(trained[0], str(tmp_path / "other.pth"))


def test_a_count_below_one_is_refused(trained):
    with pytest.raises(UserError, match="count must be at least 1, not 0"):
        predict(*trained, count=0)
