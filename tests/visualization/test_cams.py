"""Maps drawn on images: where the heat is, and what the model does not see."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("cv2")

from mmresnet.visualization.cams import draw_beside, draw_map
from mmresnet.visualization.overlay import MIN_SIZE

GREY = np.full((100, 200, 3), 100, np.uint8)


def test_the_largest_value_is_red_and_others_leave_the_image_as_it_is():
    values = np.full((4, 4), -1.0, np.float32)
    values[0, 3] = 2
    drawn = draw_map(GREY, values, (0, 0, 200, 100)).astype(int)
    blue, green, red = drawn[10, 185]  # within the cell in the upper right
    assert red > 90 > 60 > max(blue, green)
    assert (drawn[:, :90] == 100).all()
    assert (drawn[60:] == 100).all()


def test_what_is_not_seen_is_dark():
    drawn = draw_map(GREY, np.zeros((2, 2), np.float32), (50, 20, 150, 80))
    assert (drawn[20:80, 50:150] == 100).all()
    drawn[20:80, 50:150] = 35
    assert (drawn == 35).all()


def test_the_map_covers_the_region_and_not_the_image():
    values = np.array([[0, 0], [0, 1]], np.float32)
    drawn = draw_map(GREY, values, (100, 0, 200, 100)).astype(int)
    assert (drawn[:, :100] == 35).all()
    assert (drawn[:24, 100:] == 100).all()
    assert drawn[80, 180].tolist() != [100] * 3


def test_padding_is_not_drawn():
    values = np.array([[1, 0], [0, 0]], np.float32)
    drawn = draw_map(GREY, values, (-200, -100, 200, 100))
    assert (drawn[90:, 190:] == 100).all()


def test_a_small_image_is_enlarged_beside_its_map():
    label = {"class_id": 0, "name": "cat", "score": 0.9}
    small = np.zeros((8, 8, 3), np.uint8)
    picture = draw_beside(small, np.ones((2, 2), np.float32), (0, 0, 8, 8), label)
    height, width = picture.shape[:2]
    assert width == 2 * MIN_SIZE + 8
    assert height > MIN_SIZE
    assert (picture[:MIN_SIZE, :MIN_SIZE] == 0).all()
    assert picture[MIN_SIZE // 2, -MIN_SIZE // 2, 0] > 80
