"""Results drawn on images: places and colours of boxes, masks, names and labels."""

import numpy as np
import pytest

pytest.importorskip("PIL")
pytest.importorskip("matplotlib")

from mmresnet.visualization.overlay import MIN_SIZE, colour_of, draw, readable, text_colour_on

GREY = 100


def objects(*boxes, **more):
    return {
        "objects": [{"class_id": 1, "name": "dog", "score": 0.9, "box": b, **more} for b in boxes]
    }


def labels(*scores, name="dog"):
    return {"labels": [{"class_id": 1, "name": name, "score": score} for score in scores]}


def grey(height, width):
    return np.full((height, width, 3), GREY, np.uint8)


def drawn_on(picture, colour):
    """Return the (x1, y1, x2, y2) of the pixels of a colour."""
    rows, columns = np.nonzero((picture == colour).all(-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_box_is_drawn_around_its_pixels():
    picture = draw(grey(480, 640), objects([100, 200, 300, 400]), 0.3)
    assert picture.shape == (480, 640, 3)
    left, top, right, bottom = drawn_on(picture[200:], colour_of(1))
    assert (left, top, right, bottom) == (100, 0, 300, 200)
    assert (picture[210:390, 110:290] == GREY).all()
    # the name is above the box
    assert drawn_on(picture[:200], colour_of(1))[0] == 100
    assert (picture[:150] == GREY).all()


def test_a_name_stays_inside_of_the_picture():
    picture = draw(grey(480, 640), objects([600, 0, 640, 300]), 0.3)
    left, top, right, _ = drawn_on(picture, colour_of(1))
    assert left < 590
    assert (top, right) == (0, 640)


def test_a_small_image_is_enlarged_by_an_integer_factor():
    image = grey(30, 50)
    image[10, 20] = 255
    picture = draw(image, objects([5, 5, 45, 25]), 0.3)
    factor = MIN_SIZE // 50
    assert picture.shape == (30 * factor, 50 * factor, 3)
    assert drawn_on(picture, (255, 255, 255))[2:] == (21 * factor, 11 * factor)
    assert drawn_on(picture[5 * factor :], colour_of(1)) == (40, 0, 360, 20 * factor)


def test_a_mask_colours_its_pixels_only():
    from mmresnet.evaluation.results import encode_mask

    mask = np.zeros((480, 640), bool)
    mask[300:350, 200:250] = True
    picture = draw(grey(480, 640), objects([100, 200, 300, 400], mask=encode_mask(mask)), 0.3)
    inside = picture[300:350, 200:250].reshape(-1, 3)
    assert (inside == inside[0]).all()
    share = (inside[0].astype(float) - GREY) / (np.array(colour_of(1)) - GREY)
    assert share == pytest.approx([0.45] * 3, abs=0.03)
    assert (picture[260:290, 150:290] == GREY).all()


def test_the_image_keeps_its_colours():
    blue = np.zeros((480, 640, 3), np.uint8)
    blue[..., 0] = 255  # BGR
    assert (draw(blue, objects(), 0.3) == (0, 0, 255)).all()


def test_labels_are_below_the_image():
    picture = draw(grey(480, 640), labels(0.9), 0.3)
    assert picture.shape[1] == 640
    assert picture.shape[0] > 500
    assert (picture[:480] == GREY).all()
    assert drawn_on(picture, colour_of(1))[1] > 480


def num_labels(picture):
    """Count the labels below a picture by their swatches."""
    line = (picture[480:] == colour_of(1)).all(-1).any(0)
    return int((np.diff(line.astype(int)) == 1).sum())


def test_the_best_label_is_shown_and_others_that_reach_the_threshold():
    assert [num_labels(draw(grey(480, 640), labels(0.2, 0.1), thr)) for thr in (0.3, 0.1)] == [1, 2]
    assert num_labels(draw(grey(480, 640), labels(), 0.3)) == 0


def test_all_frames_of_a_video_have_the_same_size():
    shapes = {
        draw(grey(48, 64), one, 0.1).shape for one in (labels(), labels(0.9), labels(0.9, 0.5))
    }
    assert len(shapes) == 1


def test_a_long_label_is_shortened_and_its_score_is_not(monkeypatch):
    written = []
    pen_text = "PIL.ImageDraw.ImageDraw.text"
    monkeypatch.setattr(pen_text, lambda self, place, text, *args, **kwargs: written.append(text))
    draw(grey(300, 400), labels(0.9, name="sewing needle, " * 20), 0.3)
    assert written[0].startswith("sewing needle, ")
    assert written[0].endswith("… 90%")


def test_a_name_with_letters_that_the_font_lacks_is_replaced_by_the_class_id():
    assert readable("Æfé Жук", 4) == "Æfé Жук"
    assert readable("犬", 4) == "class 4"


def test_colours_differ_and_text_contrasts_with_them():
    colours = [colour_of(number) for number in range(90)]
    assert len(set(colours)) == 90
    assert text_colour_on((255, 255, 0)) == (17, 17, 17)
    assert text_colour_on((0, 0, 120)) == (255, 255, 255)
