"""The scenes of digits: content, reproducibility and error messages."""

import hashlib
import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from mmresnet.datasets.demo import digit_scenes as scenes
from mmresnet.datasets.demo.digits import write_digits
from mmresnet.errors import UserError

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
SOME = {"train": 40, "val": 10}
FEW = {"train": 5, "val": 3}
ALL = {"train": 400, "val": 100}


@pytest.fixture(scope="module")
def digits():
    return scenes._read_digits()


def write(root, counts, digits):
    """Write so many scenes, of digits that have been read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes, "SCENES", counts)
        patch.setattr(scenes, "_read_digits", lambda: digits)
        assert scenes.write_digit_scenes(root) is True
    return root


@pytest.fixture(scope="module")
def written(tmp_path_factory, digits):
    """The first scenes of the set."""
    return write(tmp_path_factory.mktemp("some") / "scenes", SOME, digits)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, digits):
    """The set as it is."""
    assert scenes.SCENES == ALL
    return write(tmp_path_factory.mktemp("whole") / "scenes", ALL, digits)


@pytest.fixture
def few(monkeypatch, digits):
    """Reduce the set to a few scenes, and reuse the digits."""
    monkeypatch.setattr(scenes, "SCENES", FEW)
    monkeypatch.setattr(scenes, "_read_digits", lambda: digits)


@pytest.fixture
def copy(written, tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "SCENES", SOME)
    return shutil.copytree(written, tmp_path / "scenes")


def annotations(root, split):
    return json.loads((root / "annotations" / f"instances_{split}.json").read_text())


SETS = [
    pytest.param("written", SOME, id="some"),
    pytest.param("whole", ALL, id="whole", marks=pytest.mark.full),
]


@pytest.mark.parametrize(("name", "counts"), SETS)
@pytest.mark.parametrize("split", ["train", "val"])
def test_coco_reads_every_scene(name, counts, split, request):
    pycocotools = pytest.importorskip("pycocotools.coco")
    written = request.getfixturevalue(name)
    coco = pycocotools.COCO(written / "annotations" / f"instances_{split}.json")
    assert len(coco.imgs) == counts[split]
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == list("0123456789")
    for image in coco.imgs.values():
        with Image.open(written / split / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (160, 128)
            assert picture.mode == "RGB"
        assert 1 <= len(coco.getAnnIds(image["id"])) <= 8
    for one in coco.anns.values():
        x, y, width, height = one["bbox"]
        assert x >= 0 and y >= 0 and x + width <= 160 and y + height <= 128
        assert one["area"] == width * height > 0


@pytest.mark.full
def test_every_class_has_boxes_of_every_size(whole):
    content = annotations(whole, "train")
    counts = np.zeros((10, 3), int)
    for one in content["annotations"]:
        height = one["bbox"][3]
        counts[one["category_id"] - 1, np.searchsorted([28, 40], height)] += 1
    assert counts.min() >= 20


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("written", {"train": "f41593ef1e486195", "val": "306837750144a22a"}),
        pytest.param(
            *("whole", {"train": "0c6766f9a226c5b2", "val": "7d6b776233e85f8a"}),
            marks=pytest.mark.full,
        ),
    ],
)
def test_the_set_is_the_same_everywhere(name, expected, request):
    """Results measured on it can only be compared if these digests never change."""
    written, found = request.getfixturevalue(name), {}
    for split in ("train", "val"):
        digest = hashlib.sha256(json.dumps(annotations(written, split)).encode())
        for path in sorted((written / split).iterdir())[::10]:
            digest.update(np.asarray(Image.open(path)).tobytes())
        found[split] = digest.hexdigest()[:16]
    assert found == expected


def test_writing_twice_gives_the_same_bytes(few, tmp_path):
    for name in ("a", "b"):
        assert scenes.write_digit_scenes(tmp_path / name) is True
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*")]
    assert len(files) == 5 + 3 + 2
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_scene_shows_digits_of_its_own_split_only(few, digits, tmp_path, monkeypatch):
    used = []

    def spy(own, random):
        used.append(own)
        return draw(own, random)

    draw = scenes.draw_scene
    monkeypatch.setattr(scenes, "draw_scene", spy)
    scenes.write_digit_scenes(tmp_path / "scenes")
    assert all(own is digits["train"] for own in used[:5])
    assert all(own is digits["val"] for own in used[5:]) and len(used) == 8

    write_digits(tmp_path / "digits")
    for split, count in (("train", 1437), ("val", 360)):
        paths = sorted((tmp_path / "digits" / split).glob("*/*.png"))
        assert len(digits[split]) == len(paths) == count
        for path, (ink, label) in zip(paths, digits[split], strict=True):
            assert path.parent.name == str(label)
            np.testing.assert_array_equal(np.asarray(Image.open(path)), (ink * 255).round())


def test_digits_are_brighter_than_their_surroundings(written):
    """Mean brightness inside the boxes, over the mean of the scene."""
    content = annotations(written, "val")
    ratios = []
    for one in content["annotations"]:
        picture = np.asarray(Image.open(written / "val" / f"{one['image_id']:06d}.png"))
        x, y, width, height = one["bbox"]
        ratios.append(picture[y : y + height, x : x + width].mean() / picture.mean())
    assert np.percentile(ratios, 5) > 1.0 and np.mean(ratios) > 1.5


def test_existing_scenes_are_left_unchanged(copy):
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert scenes.write_digit_scenes(copy) is False
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / "val" / "000007.png").unlink(), "contains 9 and lists 10"),
        (lambda root: (root / "annotations/instances_val.json").unlink(), "lists 0"),
        (lambda root: (root / "annotations/instances_val.json").write_text("{"), "lists 0"),
        (lambda root: (root / "annotations/instances_val.json").write_text("[]"), "lists 0"),
        (lambda root: shutil.rmtree(root / "val"), "contains 0 and lists 10"),
    ],
)
def test_an_incomplete_folder_is_refused_and_kept(copy, spoil, words):
    spoil(copy)
    before = sorted(copy.rglob("*"))
    with pytest.raises(UserError, match=f"should contain 10 scenes .*{words}.*: remove"):
        scenes.write_digit_scenes(copy)
    assert sorted(copy.rglob("*")) == before


def test_a_folder_of_other_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="choose another folder"):
        scenes.write_digit_scenes(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_interruption_leaves_nothing(few, tmp_path, monkeypatch):
    def interrupted(self, path):
        if "/val/" in str(path):
            raise KeyboardInterrupt
        original(self, path)

    original = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scenes.write_digit_scenes(tmp_path / "scenes")
    assert list(tmp_path.iterdir()) == []


def test_missing_scikit_learn_is_reported(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UserError, match=r"pip install scikit-learn"):
        scenes.write_digit_scenes(tmp_path / "scenes")
    assert list(tmp_path.iterdir()) == []
