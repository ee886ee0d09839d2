"""Odd image files x readers: the same picture, or refused with the reason; docs/data.md has it."""

import re
from pathlib import Path

import mmcv
import numpy as np
import odd_images as odd
import pytest
from mmcv.transforms import LoadImageFromFile as StockLoader
from PIL import Image

from mmresnet.datasets.image_files import IMAGE_SUFFIXES
from mmresnet.datasets.loading import LoadImageFromFile, own_loader
from mmresnet.errors import SampleError

READERS = ("cv2", "pillow")
both_readers = pytest.mark.parametrize("reader", READERS)


@both_readers
@pytest.mark.parametrize("name", odd.TAKEN)
def test_taken(name, reader, tmp_path):
    _, expected, tolerance = odd.TAKEN[name]
    image = LoadImageFromFile(imdecode_backend=reader).load(str(odd.write(tmp_path, name)))
    assert image.shape == expected.shape
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("name", odd.TAKEN)
def test_both_readers_give_the_same_picture(name, tmp_path):
    path = str(odd.write(tmp_path, name))
    a, b = (LoadImageFromFile(imdecode_backend=reader).load(path).astype(int) for reader in READERS)
    assert np.abs(a - b).max() <= (1 if name == "cmyk.jpg" else 0)


@both_readers
@pytest.mark.parametrize("name", odd.REFUSED)
def test_refused(name, reader, tmp_path):
    path = str(odd.write(tmp_path, name))
    with pytest.raises(SampleError) as caught:
        LoadImageFromFile(imdecode_backend=reader).load(path)
    assert caught.value.path == path
    assert caught.value.reason.startswith(odd.REFUSED[name][1])
    assert f"'{path}' cannot be used: {caught.value.reason}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_documentation_lists_all():
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w.]+\.\w+)` \|", page, re.MULTILINE)) == {
        *odd.TAKEN,
        *odd.REFUSED,
    }


@both_readers
def test_no_such_file_and_a_folder(reader, tmp_path):
    for path, reason in ((tmp_path / "a.jpg", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(SampleError, match=re.escape(f"'{path}' cannot be used: {reason}")):
            LoadImageFromFile(imdecode_backend=reader).load(str(path))


@both_readers
@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_each_suffix_in_the_list_is_decoded(suffix, reader, tmp_path):
    kinds = {".jfif": "JPEG", ".jpe": "JPEG", ".pnm": "PPM", ".apng": "PNG"}
    path, image = tmp_path / f"a{suffix}", odd.PICTURE
    image = image.convert({".pbm": "1", ".pgm": "L"}.get(suffix, "RGB"))
    image.save(path, kinds.get(suffix))
    loaded = LoadImageFromFile(imdecode_backend=reader).load(str(path))
    assert np.abs(loaded.astype(int) - np.asarray(image.convert("RGB"))[..., ::-1]).mean() < 4


@both_readers
@pytest.mark.parametrize(
    "color_type",
    ["color", "grayscale", "unchanged", "color_ignore_orientation", "grayscale_ignore_orientation"],
)
def test_equals_mmcvs_on_ordinary_images(color_type, reader, tmp_path):
    for name, image, options in (
        ("a.jpg", odd.PICTURE, {}),
        ("b.jpg", odd.GRAY, {}),
        ("c.png", odd.PICTURE, {}),
        ("d.png", odd.GRAY, {}),
        ("e.bmp", odd.PICTURE, {}),
        ("f.webp", odd.PICTURE, {}),
        ("g.tif", odd.PICTURE, {}),
    ):
        path = tmp_path / name
        image.save(path, **options)
        keywords = dict(color_type=color_type, imdecode_backend=reader, to_float32=name == "a.jpg")
        theirs = StockLoader(**keywords)({"img_path": str(path)})
        ours = LoadImageFromFile(**keywords)({"img_path": str(path)})
        assert ours.keys() == theirs.keys()
        assert ours["img"].dtype == theirs["img"].dtype
        np.testing.assert_array_equal(ours["img"], theirs["img"], err_msg=name)
        assert ours["img_shape"] == theirs["img_shape"] == ours["ori_shape"]


@both_readers
def test_equals_mmcvs_on_photographs(reader, sample_data, tmp_path):
    import tarfile

    stock, ours = (c(imdecode_backend=reader) for c in (StockLoader, LoadImageFromFile))
    with tarfile.open(sample_data / "imagenet_sample_125.tar") as archive:
        members = [m for m in archive if m.name.lower().endswith((".jpg", ".jpeg"))]
        for member in members[::5]:
            content = archive.extractfile(member).read()
            (tmp_path / "a.jpg").write_bytes(content)
            results = {"img_path": str(tmp_path / "a.jpg")}
            theirs = stock(dict(results))["img"]
            np.testing.assert_array_equal(ours(dict(results))["img"], theirs)
    assert len(members) == 125


def test_mmcvs_loader_is_replaced_with_its_settings():
    stock = StockLoader(to_float32=True, color_type="grayscale", backend_args={"backend": "local"})
    ours = own_loader(stock)
    assert type(ours) is LoadImageFromFile
    assert {k: v for k, v in vars(ours).items() if k in vars(stock)} == vars(stock)
    assert own_loader(ours) is ours
    other = object()
    assert own_loader(other) is other


@both_readers
def test_the_limit_of_pixels_can_be_raised(reader, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # the picture has 4,800
    path = tmp_path / "a.webp"
    path.write_bytes(odd.saved(odd.PICTURE, "WEBP"))
    with pytest.raises(SampleError, match="see max_pixels of"):
        LoadImageFromFile(imdecode_backend=reader).load(str(path))
    loader = LoadImageFromFile(imdecode_backend=reader, max_pixels=None)
    assert loader.load(str(path)).shape == (60, 80, 3)
    with pytest.raises(SampleError, match="it has 80x60 pixels, more than the 4,000"):
        LoadImageFromFile(imdecode_backend=reader, max_pixels=4000).load(str(path))


def test_a_size_that_annotations_contradict(tmp_path):
    path = str(odd.write(tmp_path, "exif_rotated.jpg"))
    loader = LoadImageFromFile()
    assert loader({"img_path": path, "height": 80, "width": 60})["img_shape"] == (80, 60)
    with pytest.raises(SampleError, match=r"60x80 pixels, .* for 80x60, the size before the rot"):
        loader({"img_path": path, "height": 60, "width": 80})


def test_ignore_empty_gives_none(tmp_path):
    path = str(odd.write(tmp_path, "cut_at_half.jpg"))
    assert LoadImageFromFile(ignore_empty=True)({"img_path": path}) is None


def test_opencv_is_quiet_only_while_it_decodes(tmp_path, capfd):
    path = str(odd.write(tmp_path, "cut.bmp"))
    with pytest.raises(SampleError):
        LoadImageFromFile().load(path)
    assert "ERROR" not in capfd.readouterr().err
    assert mmcv.imfrombytes(Path(path).read_bytes()) is None
    assert "ERROR" in capfd.readouterr().err
