"""Class folders: which files are taken, and what the log says of the others."""

import logging
import shutil

import pytest
from mmengine.logging import MMLogger

pytest.importorskip("mmpretrain")

from mmpretrain.datasets import CustomDataset as StockCustomDataset

from mmresnet.datasets.class_folders import CustomDataset, ImageNet
from mmresnet.datasets.image_files import IMAGE_SUFFIXES
from mmresnet.datasets.image_index import find_images
from mmresnet.errors import UserError, UserValueError


@pytest.fixture
def photos(tmp_path):
    """Two classes of images and what lies about in folders; contents do not matter."""
    names = (
        *(f"cat/{i}{suffix}" for i, suffix in enumerate(IMAGE_SUFFIXES)),
        *("dog/b.JPG", "dog/a.png", "dog/deep/er/c.gif", "dog/a/z.jpg", "dog/a.b.jpg"),
        *(".ipynb_checkpoints/a.jpg", "__MACOSX/cat/._0.jpg", "cat/._0.jpg", "cat/.hidden/a.jpg"),
        *("cat/notes.txt", "dog/film.mp4", "beside.jpg", "dog/.DS_Store"),
    )
    for name in names:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "photos" / "dog" / "gone.jpg").symlink_to("nowhere.jpg")
    return tmp_path / "photos"


@pytest.fixture
def log(monkeypatch):
    """The records of mmengine's logger."""
    records = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, "handle", records.append)
    monkeypatch.setattr(logger, "level", logging.INFO)
    return records


def infos(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_all_formats_are_found_and_others_listed(photos):
    found = find_images(photos)
    assert found.classes == ["cat", "dog"]
    assert {path for path, label in found.images if label == 0} == {
        f"cat/{i}{suffix}" for i, suffix in enumerate(IMAGE_SUFFIXES)
    }
    assert [path for path, label in found.images if label == 1] == [
        *("dog/a.b.jpg", "dog/a.png", "dog/a/z.jpg", "dog/b.JPG", "dog/deep/er/c.gif"),
    ]
    assert found.others == ["cat/notes.txt", "dog/film.mp4", "dog/gone.jpg", "beside.jpg"]
    without_classes = find_images(photos, by_class=False)
    assert len(without_classes.images) == len(found.images) + 1
    assert without_classes.classes == []


def test_data_equal_mmpretrains_where_it_sees_all(photos):
    for name in (".ipynb_checkpoints", "__MACOSX", "cat/.hidden"):
        shutil.rmtree(photos / name)
    keywords = dict(data_root=str(photos.parent), data_prefix="photos")
    theirs = StockCustomDataset(**keywords, extensions=IMAGE_SUFFIXES)
    ours = CustomDataset(**keywords)
    assert infos(ours) == infos(theirs)
    assert ours.metainfo == theirs.metainfo
    assert ours.folder_to_idx == theirs.folder_to_idx
    keywords |= dict(with_label=False)
    theirs, ours = StockCustomDataset(**keywords), CustomDataset(**keywords, extensions=(".jpg",))
    assert {info["img_path"] for info in infos(ours)} < {i["img_path"] for i in infos(theirs)}


def test_the_log_counts_images_and_lists_other_files(photos, log):
    (photos / "empty").mkdir()
    CustomDataset(data_prefix=str(photos))
    texts = [(record.levelname, record.getMessage()) for record in log]
    ((_, warning), (_, empty)) = [pair for pair in texts if pair[0] == "WARNING"]
    assert warning.startswith(f"4 files are not taken in '{photos}'")
    assert "'cat/notes.txt', 'dog/film.mp4'" in warning
    assert empty == "There is no image in the class folders 'empty'."
    information = [text for level, text in texts if level == "INFO"]
    assert f"'{photos}': {len(IMAGE_SUFFIXES) + 5} images of 3 classes." in information
    assert any("\n  beside.jpg" in text for text in information)


def test_an_empty_image_is_an_error_at_the_start(photos):
    (photos / "dog" / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"1 image in .* the file is empty .*dog/a\.png'"):
        CustomDataset(data_prefix=str(photos))
    assert len(CustomDataset(data_prefix=str(photos), on_bad_sample="skip")) > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_prefix": "no/such"}, "There is no folder 'no/such'"),
        ({"extensions": (".xyz",)}, r"There is no image in the class folders of .*in \.xyz"),
        ({"metainfo": {"classes": ("a",)}}, "holds 2 class folders, .* 1 classes: 'a'"),
        ({"kind": ImageNet}, "2 class folders, .* 1000 classes"),
        ({"on_bad_sample": "skp"}, "'stop' or 'skip', not 'skp'. Did you mean 'skip'"),
        ({"max_bad_share": 5}, "from 0 to 1, not 5"),
    ],
)
def test_mistakes(change, words, photos):
    settings = {"kind": CustomDataset, "data_prefix": str(photos), **change}
    with pytest.raises((UserError, UserValueError), match=words):
        settings.pop("kind")(**settings)


def test_a_list_of_images(photos, tmp_path):
    (tmp_path / "list.txt").write_text("cat/0.apng 3\ndog/a.png 1\n")
    keywords = dict(data_root=str(photos.parent), data_prefix="photos", ann_file="list.txt")
    assert infos(CustomDataset(**keywords)) == infos(StockCustomDataset(**keywords))
