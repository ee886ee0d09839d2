"""Parts of JPEG files have the pixels of the whole, however the file is coded."""

import io
import struct

import cv2
import numpy as np
import odd_images as odd
import pytest
from PIL import Image

from mmresnet.datasets import jpeg_parts
from mmresnet.datasets.jpeg_parts import FACTORS, decode_part, decode_whole, read_frame

# 203×150 pixels: a last block of 3 columns and one of 6 rows
PICTURE = odd.PICTURE.resize((203, 150), Image.Resampling.BICUBIC)
CODINGS = {
    "4:4:4": dict(subsampling=0),
    "4:2:2": dict(subsampling=1),
    "4:2:0": dict(subsampling=2),
    "4:1:1": dict(subsampling="4:1:1"),
    "progressive": dict(progressive=True, subsampling=2),
    "restarts": dict(restart_marker_rows=1, subsampling=2),
    "coded as RGB": dict(keep_rgb=True),
}
UPRIGHT = Image.Exif()
UPRIGHT[odd.ORIENTATION] = 1
NO_ORIENTATION = Image.Exif()
NO_ORIENTATION[0x010E] = "a title"


@pytest.fixture(params=["OpenCV", "simplejpeg"])
def decoder(request, monkeypatch):
    """Decode by one or by the other."""
    if request.param == "OpenCV":
        monkeypatch.setattr(jpeg_parts, "simplejpeg", None)
    else:
        pytest.importorskip("simplejpeg")
    return request.param


def by_opencv(content, flag=cv2.IMREAD_COLOR):
    return cv2.imdecode(np.frombuffer(content, np.uint8), flag)


@pytest.mark.parametrize("coding", CODINGS)
def test_parts_equal_the_whole(coding, decoder):
    check_parts(odd.saved(PICTURE, "JPEG", quality=90, **CODINGS[coding]), decoder)


def test_parts_of_a_gray_image(decoder):
    check_parts(odd.saved(PICTURE.convert("L"), "JPEG"), decoder)


def check_parts(content, decoder):
    frame = read_frame(content)
    assert (frame.height, frame.width) == (150, 203)
    for factor in (1, *FACTORS):
        flag = {1: cv2.IMREAD_COLOR, **jpeg_parts._REDUCED}[factor]
        whole = by_opencv(content, flag)
        for bottom in (1, 7, 16, 63, 64, 65, 149, 150):
            part = decode_part(content, frame, bottom, factor)
            if decoder == "OpenCV" and factor == 1:
                assert part is None
                continue
            rows = -(-bottom // factor)
            assert len(part) >= rows
            np.testing.assert_array_equal(part[:rows], whole[:rows])
            if decoder == "simplejpeg" and bottom < 64:
                assert len(part) < len(whole)


@pytest.mark.parametrize("name", [name for name in odd.TAKEN if name.endswith(".jpg")])
def test_what_is_decoded_in_parts(name):
    content = odd.TAKEN[name][0]()
    expected = (60, 80) if name in ("plain.jpg", "progressive.jpg") else None
    frame = read_frame(content)
    assert (frame and frame[:2]) == expected


@pytest.mark.parametrize("name", [name for name in odd.REFUSED if name.endswith(".jpg")])
def test_bad_files_are_not_decoded_in_parts(name):
    content = odd.REFUSED[name][0]()
    assert read_frame(content) is None
    assert decode_whole(content) is None


@pytest.mark.parametrize("exif", [UPRIGHT, NO_ORIENTATION])
def test_exif_data_that_leave_the_image_as_it_is(exif):
    assert read_frame(odd.saved(PICTURE, "JPEG", exif=exif))[:2] == (150, 203)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_data_with_an_orientation(order, orientation):
    start = b"Exif\0\0" + (b"II*\0" if order == "<" else b"MM\0*")
    entries = struct.pack(f"{order}IHHHIIHHIHHI", 8, 2, 1, 4, 1, 5, 0x0112, 3, 1, orientation, 0, 0)
    frame = read_frame(odd.saved(PICTURE, "JPEG", exif=start + entries))
    assert (frame is not None) == (orientation == 1)
    assert read_frame(odd.saved(PICTURE, "JPEG", exif=(start + entries)[:-14])) is None  # cut off
    assert read_frame(odd.saved(PICTURE, "JPEG", exif=b"Exif\0\0XX" + entries)) is None


def test_headers_of_all_lengths():
    content = odd.saved(PICTURE, "JPEG", exif=UPRIGHT)
    for length in range(content.index(b"\xff\xda")):
        assert read_frame(content[:length] + b"\xff\xd9") is None


def test_twelve_bits_and_lossless_frames_are_not_taken():
    content = odd.saved(PICTURE, "JPEG")
    place = read_frame(content).offset
    assert read_frame(content[: place - 1] + b"\x0c" + content[place:]) is None  # bits
    assert read_frame(content[: place - 4] + b"\xc3" + content[place - 3 :]) is None  # lossless
    assert read_frame(content[:place] + b"\0\0" + content[place + 2 :]) is None  # height: later


def test_whole_files_equal_opencvs():
    pytest.importorskip("simplejpeg")
    for options in CODINGS.values():
        content = odd.saved(PICTURE, "JPEG", **options)
        np.testing.assert_array_equal(decode_whole(content), by_opencv(content))


def test_a_file_with_an_error_is_left_to_opencv():
    pytest.importorskip("simplejpeg")
    buffer = io.BytesIO()
    PICTURE.save(buffer, "JPEG", quality=95)
    content = buffer.getvalue()
    content = content[: len(content) // 2] + b"\xff\xd9"
    assert decode_whole(content) is None
    frame = read_frame(content)
    part = decode_part(content, frame, 20)
    np.testing.assert_array_equal(part[:20], by_opencv(content)[:20])
