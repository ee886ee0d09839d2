"""Whatever a pipeline and a preprocessor do to colours is undone, and targets are in words."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

import torch
from mmengine.registry import MODELS, TRANSFORMS

from mmresnet.report.browse.pictures import Colours, View, view_of, view_of_input

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
BGR = RGB[..., ::-1]
MEAN, STD = [120.0, 110.0, 100.0], [60.0, 50.0, 40.0]
PACK = {"type": "PackInputs"}
NORMALIZE = {"type": "Normalize", "mean": MEAN, "std": STD}
PIL = {"type": "NumpyToPIL", "to_rgb": True}
FLOATS = (
    PIL,
    {"type": "torchvision/ToTensor"},
    {"type": "torchvision/Normalize", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]},
)
PREPROCESSOR = {"type": "ClsDataPreprocessor", "mean": MEAN, "std": STD}
CAFFE = {
    "type": "mmdet.DetDataPreprocessor",
    "mean": [103.5, 116.3, 123.7],
    "std": [1.0, 1.0, 1.0],
    "bgr_to_rgb": False,
}


def built(steps):
    return [TRANSFORMS.build(dict(step)) for step in steps]


@pytest.mark.parametrize(
    ("steps", "preprocessor", "bgr"),
    [
        ([], PREPROCESSOR | {"to_rgb": True}, True),
        ([], PREPROCESSOR, False),  # CIFAR's arrays
        ([], CAFFE, True),
        ([NORMALIZE], {"type": "ClsDataPreprocessor"}, True),
        ([NORMALIZE | {"to_rgb": False}], {"type": "ClsDataPreprocessor", "to_rgb": True}, True),
        ([NORMALIZE], PREPROCESSOR | {"to_rgb": True}, False),  # both, and twice exchanged
        ([PIL, {"type": "PILToNumpy", "to_bgr": True}], PREPROCESSOR | {"to_rgb": True}, True),
        (FLOATS, {"type": "ClsDataPreprocessor"}, True),
    ],
)
def test_colours_are_undone(mmpretrain_scope, steps, preprocessor, bgr):
    if preprocessor is CAFFE:
        pytest.importorskip("mmdet.models")
    colours, sample = Colours(bgr), {"img": (BGR if bgr else RGB).copy()}
    assert (view_of(sample, colours).pixels == RGB).all()
    for step in built(steps):
        sample = step(sample)
        colours.follow(step)
        assert np.abs(view_of(sample, colours).pixels.astype(int) - RGB).max() <= 1, step
    sample = built([PACK])[0](sample)
    assert np.abs(view_of(sample, colours).pixels.astype(int) - RGB).max() <= 1
    module = MODELS.build(dict(preprocessor))
    colours.follow_preprocessor(module)
    batch = {"inputs": [sample["inputs"]]}
    inputs = module({**batch, "data_samples": [sample["data_samples"]]})["inputs"]
    shown = view_of_input(inputs[0], None, colours)
    rows, columns = RGB.shape[:2]
    assert np.abs(shown.pixels[:rows, :columns].astype(int) - RGB).max() <= 1


def test_grey_images_are_shown(mmpretrain_scope):
    assert (view_of({"img": RGB[..., 0]}, Colours(True)).pixels == RGB[..., :1]).all()


def test_nothing_is_shown_before_an_image_is_loaded():
    assert view_of({"img_path": "a.jpg"}, Colours(True)) is None
    assert view_of({"inputs": [1, 2], "data_samples": []}, Colours(True)) is None


def test_targets_are_in_words():
    classes = ["cat", "dog"]
    assert View(RGB, shares={1: 1.0}).lines(classes) == ["8×6", "dog"]
    assert View(RGB, shares={0: 0.7, 1: 0.3}).lines(classes) == ["8×6", "cat 70%, dog 30%"]
    assert View(RGB, shares={0: 1.0, 5: 1.0}).lines(classes) == ["8×6", "cat, 5"]
    boxes = View(RGB, np.zeros((3, 4)), [1, 0, 1])
    assert boxes.lines(classes) == ["8×6", "2 dog, 1 cat"]


def test_boxes_are_drawn_where_they_are():
    black = np.zeros((200, 400, 3), np.uint8)
    view = View(black, np.array([[200.0, 100, 300, 180]]), [0])
    picture = np.asarray(view.draw(200, ["an object with a long name"]))  # too long to write
    assert picture.shape == (100, 200, 3)
    rows, columns = np.nonzero(picture.any(-1))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (100, 50, 149, 89)


def test_masks_are_shaded():
    view = View(np.zeros((4, 6, 3), np.uint8), np.array([[0.0, 0, 1, 1]]), [0])
    plain = np.asarray(view.draw(6, ["cat"]))
    view.masks = np.zeros((1, 3, 4), bool)  # the image is padded by a row and two columns
    view.masks[0, 1, 2] = True
    shaded = np.asarray(view.draw(6, ["cat"]))
    assert np.argwhere((shaded != plain).any(-1)).tolist() == [[1, 2]]


def test_a_view_is_the_same_if_nothing_can_be_seen():
    view = View(RGB, np.ones((1, 4)), [0])
    assert view.same_as(View(RGB.copy(), np.ones((1, 4)), [0]))
    assert not view.same_as(View(RGB, np.zeros((1, 4)), [0]))
    assert not view.same_as(View(BGR, np.ones((1, 4)), [0]))


def test_a_mixed_target_has_its_shares(mmpretrain_scope):
    sample = built([PACK])[0]({"img": RGB, "gt_label": 1})["data_samples"]
    sample.set_gt_score(torch.tensor([0.25, 0.75, 0.0]))
    assert view_of_input(torch.zeros(3, 4, 4), sample, Colours(False)).shares == {1: 0.75, 0: 0.25}


def test_boxes_without_labels_have_that_of_the_image():
    view = view_of({"img": RGB, "gt_label": 1, "gt_bboxes": np.ones((2, 4))}, Colours(False))
    assert (view.labels, view.lines(["cat", "dog"])) == ([1, 1], ["8×6", "dog"])
