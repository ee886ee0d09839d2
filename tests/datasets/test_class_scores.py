"""Files of class scores: read as written, and never written over those of another test."""

import json

import numpy as np
import pytest

from mmresnet.datasets.class_scores import ClassScores, check_free, load, names_below, save
from mmresnet.errors import UserError, UserFileNotFoundError

TEST = {"protocol": "dense", "scales": [224, 256], "sha256": "a1"}


def scores(**changed):
    parts = {
        "scores": np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]], np.float32),
        "images": ["b/2.jpg", "a/1.jpg", "a/ü.jpg"],
        "classes": ["cat", "dog"],
        "labels": np.array([1, 0, 0]),
        "test": TEST,
    }
    return ClassScores(**{**parts, **changed})


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.npz"
    save(path, scores())
    found = load(path)
    assert found.scores.dtype == np.float32
    assert np.array_equal(found.scores, scores().scores)
    assert (found.images, found.classes) == (scores().images, ["cat", "dog"])
    assert found.labels.tolist() == [1, 0, 0]
    assert found.test == TEST
    save(path, scores(labels=None))
    assert load(path).labels is None
    assert [one.name for one in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"images": ["a", "b"]}, "2 images and 2 classes have scores of the shape"),
        ({"images": ["a", "b", "a"]}, "an image twice"),
        ({"labels": np.array([0, 1])}, "3 images have labels of the shape"),
        ({"labels": np.array([0, 1, 2])}, "none of 0 to 1"),
        ({"scores": np.full((3, 2), np.nan)}, "infinite or NaN"),
    ],
)
def test_a_damaged_file_is_refused(changed, said, tmp_path):
    save(tmp_path / "a.npz", scores(**changed))
    with pytest.raises(UserError, match=f"no file of class scores as .*{said}"):
        load(tmp_path / "a.npz")


def test_another_file_is_refused(tmp_path):
    with pytest.raises(UserFileNotFoundError, match="mmresnet test writes it with --scores"):
        load(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(UserError, match="no file of class scores"):
        load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(UserError, match="it has no 'scores'"):
        load(tmp_path / "other.npz")
    np.savez(tmp_path / "objects.npz", scores=np.array([{}], object))
    with pytest.raises(UserError, match="no file of class scores"):
        load(tmp_path / "objects.npz")


def test_the_same_test_may_write_again_and_another_may_not(tmp_path):
    path = tmp_path / "a.npz"
    check_free(path, TEST)
    save(path, scores())
    check_free(path, {**TEST, "scales": (224, 256)})  # JSON knows no tuples
    with pytest.raises(UserError, match="with sha256 'a1' instead of 'b2': name another file"):
        check_free(path, {**TEST, "sha256": "b2"})
    with pytest.raises(UserError, match="with scales '\\[224, 256\\]' instead of none"):
        check_free(path, {"protocol": "dense", "sha256": "a1"})
    (tmp_path / "b.npz").write_text("mine")
    with pytest.raises(UserError, match=r"no file of class scores .* would be overwritten"):
        check_free(tmp_path / "b.npz", TEST)


def test_a_place_that_cannot_be_written_is_told_before_the_test(tmp_path):
    with pytest.raises(UserError, match=r"must end in \.npz"):
        check_free(tmp_path / "a.txt", TEST)
    with pytest.raises(UserError, match="there is no folder"):
        check_free(tmp_path / "b" / "a.npz", TEST)


def test_options_of_any_kind_are_written(tmp_path):
    save(tmp_path / "a.npz", scores(test={"cfg_options": {"a": (1, 2), "b": {3}.__class__}}))
    assert json.dumps(load(tmp_path / "a.npz").test["cfg_options"]["a"]) == "[1, 2]"


def test_names_are_relative_to_the_common_folder():
    assert names_below(["/data/val/cat/1.jpg", "/data/val/dog/1.jpg"]) == ["cat/1.jpg", "dog/1.jpg"]
    assert names_below(["d\\cat\\1.jpg", "d\\cat\\2.jpg"]) == ["1.jpg", "2.jpg"]
    assert names_below(["s3://x/cat/1.jpg", "s3://x/2.jpg"]) == ["cat/1.jpg", "2.jpg"]
    assert names_below(["1.jpg"]) == ["1.jpg"]
    # not characters that folders have in common, but folders
    assert names_below(["a/n01/1.jpg", "a/n02/1.jpg"]) == ["n01/1.jpg", "n02/1.jpg"]
