"""Near duplicates: what is done to an image is seen through, and other images are told apart."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from mmresnet.evaluation.diagnosis.near_duplicates import Duplicate, describe, find


def picture(seed, side=64):
    """Return an image of smooth random shapes."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


OTHERS = [np.asarray(picture(seed)) for seed in range(40)]
CHANGES = {
    "the same": lambda image: image,
    "smaller": lambda image: image.resize((40, 50)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "cropped a little": lambda image: image.crop((2, 1, 63, 64)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_image_is_found(change):
    changed = CHANGES[change](picture(7))
    (found,) = find(describe([np.asarray(changed)]), describe(OTHERS))
    assert (found.index, found.other, found.mirrored) == (0, 7, False)


def test_a_mirrored_image_is_found():
    mirrored = np.asarray(picture(7))[:, ::-1]
    (found,) = find(describe([np.ascontiguousarray(mirrored)]), describe(OTHERS))
    assert found == Duplicate(0, 7, pytest.approx(1, abs=1e-5), True, 0)


def test_other_images_are_no_duplicates():
    assert (
        find(describe([np.asarray(picture(seed)) for seed in range(100, 300)]), describe(OTHERS))
        == []
    )


def test_a_shared_horizon_or_frame_is_no_duplicate():
    pictures = []
    for seed in (1, 2):
        with_horizon = np.full((64, 64, 3), 60, np.uint8)
        with_horizon[30:] = 200
        column = 20 * seed
        with_horizon[20:30, column : column + 8] = 120
        framed = np.asarray(picture(seed)).copy()
        for part in (framed[:4], framed[-4:], framed[:, :4], framed[:, -4:]):
            part[...] = 255
        pictures.append([with_horizon, framed])
    first, second = map(describe, pictures)
    assert find(first, second) == []


def test_files_and_those_that_cannot_be_read(tmp_path):
    picture(3).save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"no image")
    Image.new("RGB", (50, 50), "red").save(tmp_path / "c.png")  # nothing to recognize it by
    described = describe([str(tmp_path / name) for name in ("a.png", "b.jpg", "c.png")], threads=2)
    assert not described[1:].any()
    found = find(described, np.concatenate([described[1:], describe(OTHERS)]))
    assert [(one.index, one.other) for one in found] == [(0, 5)]


def test_the_most_similar_come_first_across_blocks():
    rows = describe([np.asarray(picture(seed)) for seed in range(600)])
    weakened = rows.copy()
    weakened[599] = 0.95 * rows[599]
    found = find(weakened, rows)
    assert len(found) == 600
    assert found[-1].index == 599
    assert all(one.index == one.other for one in found)
    assert find(rows, rows[:0]) == []


def test_rivals_are_those_within_twice_the_distance():
    # unit vectors with correlations 1 - d to the first axis: d = 0.1, 0.15, 0.19, 0.21
    rows = np.zeros((4, 180), np.float32)
    for row, distance in zip(rows, (0.1, 0.15, 0.19, 0.21), strict=True):
        # both halves alike, so that they correlate alike: 1 - d on the axes, the rest elsewhere
        row[[0, 90]] = (1 - distance) / np.sqrt(2)
        row[[1, 91]] = np.sqrt((1 - (1 - distance) ** 2) / 2)
    image = np.zeros((1, 180), np.float32)
    image[0, [0, 90]] = 1 / np.sqrt(2)
    (found,) = find(image, rows, similar=0.8)
    assert found == Duplicate(0, 0, pytest.approx(0.9), False, 2)
    assert found.distinct
    (crowded,) = find(image, np.repeat(rows[:1], 7, axis=0), similar=0.8)
    assert (crowded.rivals, crowded.distinct) == (6, False)
