"""The figure of a classifier's predictions."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib")

from mmresnet.visualization.predictions import Prediction, Predictions, _title, plot_predictions


def predictions(predicted, total=1):
    grey = np.full((8, 8, 3), 128, np.uint8)
    shown = [Prediction(grey, 0, predicted, 0.9)]
    return Predictions(shown, total - predicted, total, ["a" * 40, "b"])


def test_misclassified_images_are_framed_in_red(tmp_path):
    def red_pixels(predicted):
        plot_predictions(predictions(predicted), tmp_path / "picture.png")
        pixels = np.asarray(Image.open(tmp_path / "picture.png").convert("RGB"))
        return (pixels == (0xC6, 0x28, 0x28)).all(-1).sum()

    assert red_pixels(predicted=0) == 0
    assert red_pixels(predicted=1) > 500


def test_the_title_gives_the_accuracy_and_what_is_shown():
    assert _title(predictions(0, total=2000)) == "2,000 of 2,000 images correct (100.00%)"
    found = predictions(1, total=8)
    assert _title(found) == "7 of 8 images correct (87.50%); misclassified first"
    found.correct -= 1
    assert _title(found) == "6 of 8 images correct (75.00%); only misclassified shown"
