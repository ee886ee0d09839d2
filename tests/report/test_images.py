"""Thumbnails in a page: once each, small, and within a budget."""

import base64
import io

import numpy as np
from PIL import Image

from mmresnet.report.images import Images


def decoded(images, index):
    content = base64.b64decode(images.uris[index].partition(",")[2])
    return Image.open(io.BytesIO(content)).convert("RGB")


def photo(path, size=(200, 100)):
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_picture_is_embedded_once(tmp_path):
    images, path = Images(), photo(tmp_path / "a.jpg")
    assert images.add(path) == images.add(str(path)) == 0
    assert images.add(path, side=48) == 1
    assert (decoded(images, 0).size, decoded(images, 1).size) == ((96, 48), (48, 24))


def test_small_images_keep_their_pixels():
    images = Images()
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(np.array(decoded(images, images.add(pixels))), pixels)
    assert images.add(pixels.copy()) == 0  # the same content


def test_an_original_keeps_its_size(tmp_path):
    images = Images()
    assert decoded(images, images.add(photo(tmp_path / "a.png"), original=True)).size == (200, 100)


def test_boxes_are_in_pixels_of_the_file():
    images = Images()
    black = np.zeros((200, 400, 3), np.uint8)
    index = images.add(black, boxes=[((100, 50, 300, 150), "#ff0000")], side=200)
    drawn = np.array(decoded(images, index)).astype(int)
    rows, columns = np.nonzero(drawn[..., 0] > 100)
    assert (
        abs(
            np.array([columns.min(), rows.min(), columns.max(), rows.max()]) - [50, 25, 150, 75]
        ).max()
        <= 1
    )
    assert drawn[50, 100, 0] < 50  # nothing inside


def test_a_turned_photo_is_upright(tmp_path):
    image, exif = Image.new("RGB", (60, 30)), Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(tmp_path / "a.jpg", exif=exif)
    images = Images()
    assert decoded(images, images.add(tmp_path / "a.jpg")).size == (30, 60)


def test_files_that_are_no_images_are_counted(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    images = Images()
    assert [images.add(tmp_path / name) for name in ("a.jpg", "b.jpg")] == [None, None]
    assert (images.missing, images.uris) == (2, [])


def test_the_budget_ends_what_is_embedded(tmp_path):
    images = Images(most_bytes=6000)
    indices = [images.add(photo(tmp_path / f"{i}.jpg", (200, 100 + i))) for i in range(9)]
    assert None in indices
    assert sum(map(len, images.uris)) <= 6000
    assert images.left_out == indices.count(None)
