"""The crops of ten-crop testing are torchvision's, and have the border of the training."""

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS
from PIL import Image
from torchvision.transforms import TenCrop
from torchvision.transforms.functional import to_pil_image

from mmresnet.datasets.ten_crop import POSITIONS, CornerCrop
from mmresnet.errors import SampleError, UserValueError

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")
RANDOM = np.random.default_rng(0)


def ten_crops(image: object, size: int, flip: str, keyword: str) -> list:
    """Return the crops in the order of torchvision: five, and then their mirror images."""
    flips = [{"type": flip, keyword: p} for p in (0.0, 1.0)]
    crops = [{"type": "mmresnet.CornerCrop", "crop_size": size, "position": p} for p in POSITIONS]
    views = TRANSFORMS.build({"type": "TestTimeAug", "transforms": [flips, crops]})
    return views({"img": image})["img"]


# margins of all kinds modulo 4, since halves are rounded to even; 32×32 has none
@pytest.mark.parametrize("shape", [(37, 45), (35, 39), (40, 33), (32, 32), (33, 34)])
def test_crops_are_torchvisions(shape):
    pixels = RANDOM.integers(0, 256, (*shape, 3), dtype=np.uint8)
    wanted = [np.asarray(crop) for crop in TenCrop(32)(Image.fromarray(pixels))]
    # a flip of the image, and its crops: the corners change sides, as torchvision's do
    of_arrays = ten_crops(pixels, 32, "RandomFlip", "prob")
    assert np.array_equal(np.stack(of_arrays), np.stack(wanted))
    flip = "torchvision/RandomHorizontalFlip"
    of_pillow = ten_crops(Image.fromarray(pixels), 32, flip, "p")
    assert np.array_equal(np.stack([np.asarray(one) for one in of_pillow]), np.stack(wanted))
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    of_tensors = [np.asarray(to_pil_image(one)) for one in ten_crops(tensor, 32, flip, "p")]
    assert np.array_equal(np.stack(of_tensors), np.stack(wanted))


def test_a_border_is_added_as_in_training():
    image = RANDOM.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    border = {"crop_size": 32, "padding": 4, "pad_val": (1, 2, 3)}
    results = CornerCrop(position="bottom_right", **border).transform({"img": image})
    # of the padded image of 40×40, the crop has the rows and columns 8 to 39: 4 to 31 of the image
    assert np.array_equal(results["img"][:28, :28], image[4:, 4:])
    assert (results["img"][28:] == (1, 2, 3)).all()
    assert results["img_shape"] == (32, 32)
    center = CornerCrop(position="center", **border).transform({"img": image})
    assert np.array_equal(center["img"], image)
    crop = CornerCrop((2, 4), "top_left", padding=1, padding_mode="reflect")
    gray = np.arange(6, dtype=np.uint8).reshape(2, 3)  # the rows 0 1 2, 3 4 5
    assert crop.transform({"img": gray})["img"].tolist() == [[4, 3, 4, 5], [1, 0, 1, 2]]
    tensor = torch.from_numpy(gray)[None]
    assert crop.transform({"img": tensor})["img"].tolist() == [[[4, 3, 4, 5], [1, 0, 1, 2]]]


def test_what_cannot_be_cropped_is_refused():
    with pytest.raises(UserValueError, match="Did you mean 'top_left'"):
        CornerCrop(2, "topleft")
    with pytest.raises(UserValueError, match="positive"):
        CornerCrop((0, 2))
    with pytest.raises(
        SampleError, match=r"'a\.jpg' is too small: its 3×2 pixels are less"
    ) as found:
        CornerCrop(3).transform({"img": np.zeros((2, 3), np.uint8), "img_path": "a.jpg"})
    assert found.value.path == "a.jpg"
