"""The digits: what is written, that it is complete or absent, and the error messages."""

import hashlib
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from mmresnet.datasets.demo import digits
from mmresnet.errors import UserError

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "digits"
    assert digits.write_digits(root) is True
    return root


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written, tmp_path / "digits")


def test_every_image_is_written_once(written):
    indices = sorted(int(path.stem) for path in written.glob("*/*/*.png"))
    assert indices == list(range(1797))


def test_the_split_is_stratified_and_the_same_everywhere(written):
    held_out = sorted(path.stem for path in written.glob("val/*/*.png"))
    assert len(held_out) == 360
    for name in digits.CLASSES:
        assert 34 <= len(list((written / "val" / name).iterdir())) <= 37
    # another version of scikit-learn that splits otherwise would make results incomparable
    digest = hashlib.sha256(" ".join(held_out).encode()).hexdigest()
    assert digest.startswith("abcdf9424d8b6a3c")


def test_pixels_and_labels_are_those_of_scikit_learn(written):
    from sklearn.datasets import load_digits

    source = load_digits()
    for path in sorted(written.glob("*/*/*.png"))[::50]:
        image = np.asarray(Image.open(path)).astype(float)
        index = int(path.stem)
        assert image.shape == (8, 8)
        assert path.parent.name == str(source.target[index])
        np.testing.assert_allclose(image * 16 / 255, source.images[index], atol=0.04)


def test_existing_images_are_left_unchanged(copy):
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*.png")}
    assert digits.write_digits(copy) is False
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*.png")} == before


def test_an_incomplete_folder_is_refused_and_kept(copy):
    next((copy / "val" / "3").iterdir()).unlink()
    with pytest.raises(UserError, match=r"should contain 360 PNG .* contains 359 in 10: remove"):
        digits.write_digits(copy)
    assert len(list(copy.rglob("*.png"))) == 1796


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="choose another folder"):
        digits.write_digits(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(self, path):
        if "/val/" in str(path):
            raise KeyboardInterrupt
        original(self, path)

    original = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        digits.write_digits(tmp_path / "digits")
    assert list(tmp_path.iterdir()) == []


def test_missing_scikit_learn_is_reported(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UserError, match=r"pip install scikit-learn"):
        digits.write_digits(tmp_path / "digits")
    assert list(tmp_path.iterdir()) == []
