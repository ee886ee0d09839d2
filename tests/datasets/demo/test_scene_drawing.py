"""Scenes of digits: what is drawn, and that boxes enclose the ink."""

import numpy as np
import pytest
import torch

from mmresnet.datasets.demo import scene_drawing


@pytest.fixture(scope="module")
def digits():
    """Some digits as (ink, label), read from scikit-learn."""
    source = pytest.importorskip("sklearn.datasets", reason="it contains the digits").load_digits()
    assert source.images.max() == 16
    return [
        (image / 16, int(label)) for image, label in zip(source.images, source.target, strict=True)
    ][:300]


def test_a_box_encloses_the_visible_ink_tightly(digits):
    random = np.random.RandomState(0)
    for ink, _ in digits[::20]:
        mask, (x1, y1, x2, y2) = scene_drawing._find_room(
            scene_drawing._enlarge(ink, 30, 26), [], random
        )
        inside = mask[y1:y2, x1:x2].copy()
        outside = mask.copy()
        outside[y1:y2, x1:x2] = 0
        assert outside.max() < 0.3
        for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
            assert edge.max() >= 0.3


def test_enlarging_is_linear_interpolation(digits):
    """Compared with PyTorch's, of the digit padded with zeros."""
    ink = digits[0][0]
    padded = torch.from_numpy(np.pad(ink, 1))[None, None]
    whole = torch.nn.functional.interpolate(padded, (40, 60), mode="bilinear")[0, 0].numpy()
    # half of the padding, 4 pixels high and 6 wide when enlarged, is cropped
    np.testing.assert_allclose(scene_drawing._enlarge(ink, 32, 48), whole[2:-2, 3:-3], atol=1e-12)


def test_boxes_overlap_little(digits):
    most = 0.0
    for seed in range(40):
        _, boxes, labels = scene_drawing.draw_scene(digits, np.random.RandomState(seed))
        assert len(boxes) == len(labels)
        for index, (ax1, ay1, ax2, ay2) in enumerate(boxes):
            for bx1, by1, bx2, by2 in boxes[:index]:
                a, b = np.zeros((2, 128, 160), bool)
                a[ay1:ay2, ax1:ax2] = b[by1:by2, bx1:bx2] = True
                most = max(most, (a & b).sum() / min(a.sum(), b.sum()))
    assert 0.0 < most <= 0.15


def test_a_digit_that_finds_no_room_is_left_out():
    random = np.random.RandomState(0)
    assert scene_drawing._find_room(np.ones((40, 40)), [(0, 0, 160, 128)], random) is None
