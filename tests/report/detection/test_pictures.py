"""Pictures of boxes: what they show, and in which colours."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmresnet.evaluation.detection_errors.diagnosis import diagnose
from mmresnet.report.detection.pictures import MISSED, RIGHT, WRONG, Pictures
from mmresnet.report.images import Images

COLOURS = {"right": RIGHT, "wrong": WRONG, "missed": MISSED}


@pytest.fixture
def shown():
    """``shown(run)`` returns the Pictures of a run and a function that opens one of them."""

    def of(run):
        listed, images = run.detection("test"), Images()

        def opened(index):
            data = base64.b64decode(images.uris[index].partition(",")[2])
            return Image.open(io.BytesIO(data)).convert("RGB")

        return Pictures(listed, diagnose(listed), images), opened

    return of


def colours(picture):
    """Return which of the colours of boxes are in a picture, though it is compressed."""
    pixels = np.asarray(picture, dtype=int).reshape(-1, 3)
    wanted = {
        name: [int(colour[i : i + 2], 16) for i in (1, 3, 5)] for name, colour in COLOURS.items()
    }
    near = {name: np.abs(pixels - rgb).sum(axis=1) < 110 for name, rgb in wanted.items()}
    return {name for name, close in near.items() if close.sum() > 20}


def test_a_crop_shows_the_boxes_and_what_is_around_them(mixed_run, shown):
    pictures, opened = shown(mixed_run)
    (crop,) = pictures.crops([(2, -1)])  # the missed cat of b.png, 30 pixels wide at (2, 2)
    picture = opened(crop)
    # 12 pixels or more around it: from 0 to 2 + 30 + 12 + 1 in width, and to 40 in height
    assert picture.size == (128, round(128 * 40 / 45))
    assert colours(picture) == {"missed"}


def test_colours_tell_right_from_wrong(mixed_run, shown):
    pictures, opened = shown(mixed_run)
    scores = pictures.found.boxes.detections.score.tolist()
    right, wrong = scores.index(0.9), scores.index(0.85)
    first, second = pictures.crops([(0, right), (-1, wrong)])
    assert colours(opened(first)) == {"right"}
    assert colours(opened(second)) == {"wrong"}


def test_the_same_pair_is_the_same_picture(mixed_run, shown):
    pictures, _ = shown(mixed_run)
    assert pictures.crops([(2, -1), (2, -1)]) == pictures.crops([(2, -1)]) * 2


def test_an_image_has_a_thumbnail_and_a_large_picture(mixed_run, shown):
    pictures, opened = shown(mixed_run)
    small, large = pictures.image(1)
    assert opened(small).size == (140, 93)  # of 60 x 40 pixels, enlarged to half of the side
    assert opened(large).size == (360, 240)
    assert colours(opened(large)) == {"missed"}
    assert colours(opened(pictures.image(0)[1])) == {"missed", "right"}


def test_boxes_beside_the_image_have_no_crop(write_run, shown):
    cat = ("a.png", "cat", 5, 5, 20, 20)
    pictures, _ = shown(write_run([cat], [("a.png", "cat", 900, 900, 20, 20, 0.5)]))
    assert pictures.crops([(-1, 0)]) == [None]


def test_a_file_that_cannot_be_read_has_none(mixed_run, shown):
    (mixed_run.folder / "b.png").write_bytes(b"no image")
    pictures, _ = shown(mixed_run)
    assert pictures.crops([(2, -1)]) == [None]
    assert pictures.image(1) == (None, None)
