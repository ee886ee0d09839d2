"""Predictions on a test set: which images are chosen, what is shown of them, and the picture."""

import numpy as np
import pytest
from PIL import Image

from mmresnet.errors import UserError
from mmresnet.inference.predictions import Prediction, Predictions, plot_predictions, predict

CLASSES = ("cat", "dog", "owl")  # red, green and blue images


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_images):
    """A config for the tiny images, and a checkpoint of its untrained model."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("mmpretrain")
    from mmresnet.config.load import load_config

    settings = {"data_root": str(tiny_images), "num_classes": 3, "batch_size": 4}
    cfg = load_config("digits_resnet20", settings)
    from mmengine.registry import MODELS, init_default_scope

    init_default_scope("mmpretrain")
    torch.manual_seed(0)
    with MODELS.switch_scope_and_registry("mmpretrain") as registry:
        model = registry.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    with torch.no_grad():  # every image is called an owl, whatever it shows
        model.head.fc.weight.zero_()
        model.head.fc.bias.copy_(torch.tensor([0.0, 0.0, 5.0]))
    checkpoint = tmp_path_factory.mktemp("run") / "model.pth"
    torch.save({"state_dict": model.state_dict()}, checkpoint)
    return cfg, str(checkpoint)


def test_wrong_ones_come_first_and_all_are_counted(trained):
    found = predict(*trained, count=6)
    assert (found.wrong, found.total, found.classes) == (4, 6, list(CLASSES))
    assert [one.is_wrong for one in found.shown] == [True] * 4 + [False] * 2
    assert {one.predicted for one in found.shown} == {2}
    expected = np.exp(5) / (np.exp(5) + 2)
    assert all(one.confidence == pytest.approx(expected) for one in found.shown)


def test_images_are_shown_in_their_colours(trained):
    for one in predict(*trained, count=6).shown:
        assert one.image.shape == (16, 16, 3)
        assert one.image.mean((0, 1)).argmax() == one.true


def test_fewer_are_shown_than_are_counted(trained):
    found = predict(*trained, count=3)
    assert (len(found.shown), found.wrong, found.total) == (3, 4, 6)


def test_a_checkpoint_of_another_net_is_refused(trained, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"state_dict": {"other": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other\.pth' holds no ResNet"):
        predict(trained[0], str(tmp_path / "other.pth"))


def test_no_images_are_refused(trained):
    with pytest.raises(UserError, match="at least 1 image, not 0"):
        predict(*trained, count=0)


def test_wrong_ones_are_framed_in_red(tmp_path):
    pytest.importorskip("matplotlib")

    def red_pixels(predicted):
        grey = np.full((8, 8, 3), 128, np.uint8)
        shown = [Prediction(grey, 0, predicted, 0.9)]
        picture = tmp_path / f"{predicted}.png"
        plot_predictions(Predictions(shown, predicted, 1, ["a" * 40, "b"]), picture)
        pixels = np.asarray(Image.open(picture).convert("RGB"))
        return (pixels == (0xC6, 0x28, 0x28)).all(-1).sum()

    assert red_pixels(predicted=0) == 0
    assert red_pixels(predicted=1) > 500
