"""Loading and RandomResizedCrop in one step: the draws, results and errors of the two steps."""

import tarfile

import numpy as np
import odd_images as odd
import pytest
from mmcv.transforms.utils import cache_randomness
from mmengine.dataset import Compose
from mmengine.registry import DATASETS
from PIL import Image

from mmresnet.datasets import jpeg_parts
from mmresnet.datasets.crop_loading import LoadResizedCrop
from mmresnet.datasets.loading import LoadImageFromFile
from mmresnet.datasets.own_steps import use_own_steps
from mmresnet.errors import SampleError

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")
SIZE = 48


@pytest.fixture(params=["OpenCV", "simplejpeg"], autouse=True)
def decoder(request, monkeypatch):
    """Decode by one or by the other."""
    if request.param == "OpenCV":
        monkeypatch.setattr(jpeg_parts, "simplejpeg", None)
    else:
        pytest.importorskip("simplejpeg")


def both(loader=(), **crop):
    """Return the pipeline of two steps and that of one."""
    steps = [
        dict(type="mmresnet.LoadImageFromFile", **dict(loader)),
        dict(type="RandomResizedCrop", **{"scale": SIZE, **crop}),
    ]
    two, one = Compose(steps), Compose(steps)
    use_own_steps(one)
    assert [type(step) for step in one.transforms] == [LoadResizedCrop]
    assert f"crop={two.transforms[1]})" in repr(one)
    return two, one


def seeded(pipeline, path, seed=0, **info):
    """Return a pipeline's results, and a draw after it."""
    np.random.seed(seed)
    return pipeline({"img_path": str(path), **info}), np.random.random()


def same(a, b):
    """Check that results are equal, and return the differences of the pixels."""
    (a, after_a), (b, after_b) = a, b
    assert after_a == after_b
    assert a.keys() == b.keys()
    assert {k: v for k, v in a.items() if k != "img"} == {k: v for k, v in b.items() if k != "img"}
    assert a["img"].dtype == b["img"].dtype == np.uint8
    return np.abs(a["img"].astype(int) - b["img"])


@pytest.mark.parametrize("name", odd.TAKEN)
def test_odd_images(name, tmp_path):
    path = odd.write(tmp_path, name)
    two, one = both()
    for seed in range(4):
        assert same(seeded(two, path, seed), seeded(one, path, seed)).max() == 0


@pytest.mark.parametrize("name", odd.REFUSED)
def test_bad_images(name, tmp_path):
    path = odd.write(tmp_path, name)
    reasons = []
    for pipeline in both():
        with pytest.raises(SampleError) as caught:
            seeded(pipeline, path)
        reasons.append((caught.value.path, caught.value.reason))
    assert reasons[0] == reasons[1]
    two, one = both(dict(ignore_empty=True))
    assert seeded(two, path)[0] is seeded(one, path)[0] is None


def test_missing_files_and_sizes_that_annotations_contradict(tmp_path):
    two, one = both()
    with pytest.raises(SampleError, match="no such file"):
        seeded(one, tmp_path / "a.jpg")
    path = odd.write(tmp_path, "plain.jpg")
    assert (
        same(*(seeded(pipeline, path, height=60, width=80) for pipeline in (two, one))).max() == 0
    )
    with pytest.raises(SampleError, match="80x60 pixels, and its annotations are for 60x80"):
        seeded(one, path, height=80, width=60)


def test_the_limit_of_pixels(tmp_path):
    path = odd.write(tmp_path, "plain.jpg")
    _, one = both(dict(max_pixels=4800))
    assert seeded(one, path)[0]["img"].shape == (SIZE, SIZE, 3)
    _, one = both(dict(max_pixels=None))
    assert seeded(one, path)[0]["img"].shape == (SIZE, SIZE, 3)


def write_photo(tmp_path, height, width):
    """Write a smooth picture of any size."""
    path = tmp_path / "photo.jpg"
    size = (width, height)
    odd.PICTURE.resize(size, Image.Resampling.BICUBIC).save(path, quality=95, subsampling=0)
    return path


@pytest.mark.parametrize("backend", ["cv2", "pillow"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("times", [2, 4, 8])
def test_large_crops_of_a_smooth_picture(times, interpolation, backend, tmp_path):
    path = write_photo(tmp_path, SIZE * times + 13, SIZE * times * 2 + 7)
    options = dict(crop_ratio_range=(0.4, 1), interpolation=interpolation, backend=backend)
    two, one = both(**options)
    _, whole = both(dict(scaled_decoding=False), **options)
    differences = []
    for seed in range(6):
        stock = seeded(two, path, seed)
        differences.append(same(stock, seeded(one, path, seed)))
        assert same(stock, seeded(whole, path, seed)).max() == 0
    assert 0 < np.mean(differences) < 1  # a shift by a pixel of the output gives 3 and more
    assert np.max(differences) < 24


def test_no_crop_is_decoded_smaller_than_asked(tmp_path, monkeypatch):
    from mmresnet.datasets import crop_loading

    path = write_photo(tmp_path, 500, 700)
    factors = {}

    def spy(content, frame, bottom, factor):
        factors[one.transforms[0].crop.box] = factor

    class Crop:
        scale, interpolation, backend = (SIZE, 2 * SIZE), "bilinear", "cv2"

        @cache_randomness
        def rand_crop_params(self, image):
            assert image.shape == (500, 700)
            return self.box

    monkeypatch.setattr(crop_loading, "decode_part", spy)
    _, one = both()
    one.transforms[0].crop = Crop()
    for times in (1, 2, 3, 4, 5, 8):
        for less in (0, 1):
            one.transforms[0].crop.box = (3, 5, SIZE * times - less, SIZE * times * 2 + 9)
            one({"img_path": str(path)})
    got = [factors[key] for key in sorted(factors)]
    assert got == [1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 8]


@pytest.mark.parametrize(
    "loader, crop",
    [
        (dict(to_float32=True), {}),
        (dict(color_type="grayscale"), {}),
        (dict(imdecode_backend="pillow"), {}),
        ({}, dict(type="EfficientNetRandomCrop", scale=SIZE)),
        ({}, dict(type="CenterCrop", crop_size=SIZE)),
    ],
)
def test_steps_that_stay_two(loader, crop):
    crop = {"type": "RandomResizedCrop", **(crop or dict(scale=SIZE))}
    pipeline = Compose([dict(type="LoadImageFromFile", **loader), crop])
    use_own_steps(pipeline)
    assert [type(step) for step in pipeline.transforms] == [
        LoadImageFromFile,
        type(pipeline.transforms[1]),
    ]
    assert type(pipeline.transforms[1]).__name__ == crop["type"]


def test_a_gray_image_stands_in_for_a_bad_one():
    _, one = both()
    image = np.full((60, 80, 3), 127, np.uint8)
    results = one.transforms[0].fill({}, image)
    assert results["img"].shape == (SIZE, SIZE, 3)
    assert results["ori_shape"] == (60, 80)
    assert (results["img"] == 127).all()


def test_photographs(sample_data, tmp_path):
    two, one = both(scale=224)
    reduced, differences = 0, []
    with tarfile.open(sample_data / "imagenet_sample_125.tar") as archive:
        members = [m for m in archive if m.name.lower().endswith((".jpg", ".jpeg"))]
        for number, member in enumerate(members):
            path = tmp_path / "a.jpg"
            path.write_bytes(archive.extractfile(member).read())
            difference = same(seeded(two, path, number), seeded(one, path, number))
            reduced += difference.max() > 0
            differences.append(difference.mean())
    assert len(members) == 125
    assert 0 < reduced < 12  # most photographs have no 448 rows
    assert np.mean(differences) < 0.5


@pytest.mark.parametrize("test_mode", [False, True])
def test_a_bad_sample_is_skipped(test_mode, tmp_path):
    for number in range(6):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        content = odd.cut(odd.JPEG, 0.5) if number == 3 else odd.JPEG
        (folder / f"{number}.jpg").write_bytes(content)
    crop = dict(type="RandomResizedCrop", scale=SIZE)
    data = DATASETS.build(
        dict(
            type="mmresnet.CustomDataset",
            data_root=str(tmp_path),
            pipeline=[dict(type="LoadImageFromFile"), crop, dict(type="PackInputs")],
            test_mode=test_mode,
            on_bad_sample="skip",
            max_bad_share=0.5,
        )
    )
    assert type(data.pipeline.transforms[0]) is LoadResizedCrop
    for index in (*range(6), *range(6)):
        sample = data[index]
        assert sample["inputs"].shape == (3, SIZE, SIZE)
        bad = data.get_data_info(index)["img_path"].endswith("3.jpg")
        assert bool((sample["inputs"] == 127).all()) == (bad and test_mode)
    assert {path for path, _ in data.bad_samples.events()} == {str(tmp_path / "b" / "3.jpg")}
