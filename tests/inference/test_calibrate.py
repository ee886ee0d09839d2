"""calibrate: from a validation set or a file of scores to weights whose inference is calibrated."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmresnet.apis import Inferencer, calibrate, infer  # noqa: E402
from mmresnet.datasets.class_scores import ClassScores, save  # noqa: E402
from mmresnet.errors import UserError  # noqa: E402
from mmresnet.evaluation.diagnosis.temperature import fit, scale  # noqa: E402
from mmresnet.weights.checkpoint import read  # noqa: E402
from mmresnet.weights.hub.download import digest  # noqa: E402
from mmresnet.weights.temperature import temperature_of  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Red, green and blue images of many shades, every fourth in the folder of another class."""
    root = tmp_path_factory.mktemp("shades")
    generator = np.random.default_rng(0)
    for number in range(60):
        channel = number % 3
        colour = generator.integers(0, 150, 3)
        colour[channel] += 80
        label = (channel + (number % 4 == 0)) % 3
        folder = root / "val" / "abc"[label]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.broadcast_to(colour.astype(np.uint8), (16, 16, 3))
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return root


@pytest.fixture(scope="module")
def raw(classifier, data):
    """Scores of the images by class, (N, 3), their labels, and their paths."""
    results = infer(*classifier, data / "val", precision="float32")
    scores = np.zeros((len(results), 3), np.float32)
    for row, one in zip(scores, results, strict=True):
        for label in one["labels"]:
            row[label["class_id"]] = label["score"]
    paths = [one["path"] for one in results]
    return scores, np.array(["abc".index(path.split("/")[-2]) for path in paths]), paths


def test_the_validation_set_gives_the_temperature(classifier, data, raw, tmp_path):
    config, checkpoint = classifier
    out = tmp_path / "calibrated.pth"
    options = {"data_root": str(data), "num_workers": 0}
    found = calibrate(config, checkpoint, out, cfg_options=options, device="cpu")
    scores, labels, paths = raw
    # infer rounds scores to six digits
    assert found.temperature == pytest.approx(fit(scores, labels), rel=1e-3)
    assert (found.images, found.file) == (60, out)
    assert found.accuracy == (scores.argmax(1) == labels).mean()
    assert found.after.cross_entropy < found.before.cross_entropy
    assert found.after.ece < found.before.ece
    assert temperature_of(read(out)) == found.temperature
    assert temperature_of(read(checkpoint)) is None  # it is left as it was

    calibrated = Inferencer(config, str(out), precision="float32", device="cpu")
    assert calibrated.temperature == found.temperature
    for one, before in zip(calibrated(paths), scores, strict=True):
        expected = np.sort(scale(before, found.temperature))[::-1]
        found_scores = [label["score"] for label in one["labels"]]
        np.testing.assert_allclose(found_scores, expected, atol=1e-4)
        assert one["labels"][0]["class_id"] == before.argmax()


def test_a_file_of_scores_gives_the_same(classifier, raw, tmp_path):
    config, checkpoint = classifier
    scores, labels, paths = raw
    test = {"protocol": "recipe", "sha256": digest(Path(checkpoint)), "checkpoint": "model.pth"}
    save(tmp_path / "a.npz", ClassScores(scores, paths, list("abc"), labels, test))
    found = calibrate(config, checkpoint, tmp_path / "b.pth", scores=tmp_path / "a.npz")
    assert found.temperature == fit(scores, labels)
    assert temperature_of(read(tmp_path / "b.pth")) == found.temperature


@pytest.mark.parametrize(
    ("labels", "test", "words"),
    [
        (None, {}, "has no labels to fit a temperature to"),
        ((0, 1), {"protocol": "ten-crop"}, "scores of the protocol ten-crop"),
        ((0, 1), {"sha256": "0" * 64, "checkpoint": "x.pth"}, "of another checkpoint, 'x.pth'"),
        ((0, 1), {}, "2 of 2 images are right"),
    ],
)
def test_scores_that_give_none(labels, test, words, classifier, tmp_path):
    path = tmp_path / "a.npz"
    scores = np.array([[0.8, 0.2], [0.3, 0.7]])
    known = None if labels is None else np.array(labels)
    save(path, ClassScores(scores, ["1", "2"], ["a", "b"], known, test))
    with pytest.raises(UserError, match=words):
        calibrate(*classifier, tmp_path / "b.pth", scores=path)
    assert list(tmp_path.iterdir()) == [path]


def test_other_models_and_sets_are_refused(classifier, tmp_path):
    _, checkpoint = classifier
    out = tmp_path / "b.pth"
    with pytest.raises(UserError, match="mmresnet calibrate is for classifiers"):
        calibrate("faster-rcnn_r50_fpn_1x_coco", checkpoint, out)
    with pytest.raises(UserError, match="no validation set: give --scores"):
        calibrate("digits_resnet20", checkpoint, out, cfg_options={"val_dataloader": None})
    with pytest.raises(UserError, match=r"There is no checkpoint at 'none\.pth'"):
        calibrate("digits_resnet20", "none.pth", out)
