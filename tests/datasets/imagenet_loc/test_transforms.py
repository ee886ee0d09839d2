"""Boxes follow the image: compared with the bright pixels that they enclose."""

import numpy as np
import pytest
import torch

from mmresnet.datasets.imagenet_loc.transforms import LoadImageWithBoxes, TransformWithBoxes
from mmresnet.errors import SampleError, UserTypeError, UserValueError


def picture(width, height, box):
    """Return a black image in which the box is white, and the box."""
    image = np.zeros((height, width, 3), np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = 255
    return {"img": image, "gt_bboxes": np.float32([box])}


def bright_box(image):
    rows, columns = np.nonzero(image[..., 0] > 127)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


STEPS = {
    "RandomResize": {"min_size": 64, "max_size": 121},
    "RandomCrop": {"size": 56},
    "RandomHorizontalFlip": {"p": 0.5},
}


def test_boxes_enclose_the_same_pixels_after_the_transforms():
    torch.manual_seed(0)
    step = TransformWithBoxes(STEPS)
    seen = 0
    for _ in range(60):
        results = step(picture(80, 60, (20, 10, 50, 45)))
        assert results["img"].shape == (56, 56, 3) and results["img_shape"] == (56, 56)
        if (results["img"] > 127).any():
            expected = bright_box(results["img"])
            np.testing.assert_allclose(results["gt_bboxes"], [expected], atol=1.01)
            seen += 1
    assert seen > 50


def test_the_short_side_is_resized_and_the_aspect_ratio_kept():
    """What the recipes use it for; torchvision's own documentation says otherwise."""
    found = TransformWithBoxes({"RandomResize": {"min_size": 90, "max_size": 91}})(
        picture(80, 60, (20, 10, 50, 45))
    )
    assert found["img"].shape == (90, 120, 3)
    np.testing.assert_allclose(found["gt_bboxes"], [[30, 15, 75, 67.5]])


def test_a_box_outside_of_the_crop_is_removed():
    crop = TransformWithBoxes({"CenterCrop": {"size": 20}})
    assert crop(picture(80, 60, (0, 0, 25, 30)))["gt_bboxes"].shape == (0, 4)
    # columns 30 to 50 of 80 and rows 20 to 40 of 60 are left
    clipped = crop(picture(80, 60, (35, 10, 70, 30)))["gt_bboxes"]
    np.testing.assert_array_equal(clipped, [[5, 0, 20, 10]])


def test_pixels_without_a_change_stay_as_they_are():
    given = picture(80, 60, (20, 10, 50, 45))
    found = TransformWithBoxes({"RandomHorizontalFlip": {"p": 1.0}})(dict(given))
    np.testing.assert_array_equal(found["img"], given["img"][:, ::-1])
    np.testing.assert_array_equal(found["gt_bboxes"], [[30, 10, 60, 45]])
    assert found["img"].flags.c_contiguous


def test_unknown_transforms_are_told():
    with pytest.raises(UserValueError, match=r"no transform 'RandomCrp'.*'RandomCrop'"):
        TransformWithBoxes({"RandomCrp": {"size": 3}})
    with pytest.raises(UserTypeError, match=r"RandomCrop: .*sizes"):
        TransformWithBoxes({"RandomCrop": {"sizes": 3}})


@pytest.mark.parametrize(("annotated", "factor"), [((80, 60), 1), ((40, 30), 2), ((160, 120), 0.5)])
def test_boxes_of_a_picture_in_another_size_are_scaled(tmp_path, annotated, factor):
    import cv2

    white = picture(80, 60, (20, 10, 50, 45))
    cv2.imwrite(str(tmp_path / "a.png"), white["img"])
    results = {
        "img_path": str(tmp_path / "a.png"),
        "gt_bboxes": white["gt_bboxes"] / factor,
        "annotated_size": annotated,
    }
    found = LoadImageWithBoxes()(results)
    np.testing.assert_allclose(found["gt_bboxes"], [bright_box(found["img"])])


def test_an_image_on_its_side_is_refused(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), picture(80, 60, (20, 10, 50, 45))["img"])
    results = {
        "img_path": str(tmp_path / "a.png"),
        "gt_bboxes": np.zeros((1, 4), np.float32),
        "annotated_size": (60, 80),
    }
    with pytest.raises(SampleError, match="80x60 pixels, and its boxes are for 60x80"):
        LoadImageWithBoxes()(results)
