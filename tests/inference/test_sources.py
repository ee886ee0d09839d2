"""Files, folders, globs and arrays become sources; what names nothing is refused."""

from pathlib import Path

import numpy as np
import pytest

from mmresnet.errors import UserError
from mmresnet.inference.sources import find_sources


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.PNG", "deep/b.jpg", "deep/er/film.mp4", "notes.txt", "a.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def found(*arguments, **kwargs):
    return [source.path for source in find_sources(*arguments, **kwargs)]


def test_a_folder_is_searched_with_the_folders_in_it(folder):
    names = ["a.PNG", "a.jpg", "b.jpg", "deep/b.jpg", "deep/er/film.mp4"]
    sources = find_sources(folder)
    assert [source.path for source in sources] == [str(folder / name) for name in names]
    assert [source.name for source in sources] == ["a", "a_2", "b", "deep/b", "deep/er/film"]
    assert [source.is_video for source in sources] == [False] * 4 + [True]


def test_earlier_pictures_are_not_found_again(folder):
    assert found(folder, skip=folder / "deep") == [
        str(folder / n) for n in ("a.PNG", "a.jpg", "b.jpg")
    ]
    assert found(str(folder / "**" / "*.jpg"), skip=folder / "deep") == [
        str(folder / "a.jpg"),
        str(folder / "b.jpg"),
    ]


def test_a_glob_crosses_folders(folder):
    names = ["a.jpg", "b.jpg", "deep/b.jpg"]
    sources = find_sources(str(folder / "**" / "*.jpg"))
    assert [source.path for source in sources] == [str(folder / name) for name in names]
    assert [source.name for source in sources] == ["a", "b", "b_2"]


def test_a_file_is_taken_once_and_whatever_its_name(folder):
    notes = str(folder / "notes.txt")
    assert found([notes, folder / "b.jpg", str(folder / "deep" / ".." / "b.jpg")]) == [
        notes,
        str(folder / "b.jpg"),
    ]


def test_a_file_whose_name_looks_like_a_glob(tmp_path):
    path = tmp_path / "a[1].jpg"
    path.touch()
    assert found(str(path)) == [str(path)]


def test_names_that_only_differ_in_case_get_pictures_of_their_own(tmp_path):
    for name in ("x/Cat.jpg", "y/cat.jpg", "z/cat.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    paths = [tmp_path / name for name in ("x/Cat.jpg", "y/cat.jpg", "z/cat.jpg")]
    assert [source.name for source in find_sources(paths)] == ["Cat", "cat_2", "cat_3"]


def test_arrays_and_paths_mix(folder):
    array = np.zeros((4, 5, 3), np.uint8)
    first, second = find_sources([array, folder / "b.jpg"])
    assert (first.path, first.name, first.is_video) == (None, "image_0", False)
    assert first.array is array
    assert second.path == str(folder / "b.jpg")
    (alone,) = find_sources(array)
    assert alone.array is array


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([], "list of images is empty"),
        ("{}/b.jpeg", "no file or folder '{}/b.jpeg'. Did you mean 'b.jpg'?"),
        ("{}/*.gif", "No file matches '{}/*.gif'"),
        ("{}/empty", "'{}/empty' holds no image or video"),
        (np.zeros((4, 5), np.uint8), r"(4, 5) of uint8, and must be (height, width, 3)"),
        (np.zeros((4, 5, 3)), r"(4, 5, 3) of float64, and must be (height, width, 3) of uint8"),
        ([np.zeros((0, 5, 3), np.uint8)], r"(0, 5, 3) of uint8"),
        ([3], "Image 0 is of type int: give a path"),
    ],
)
def test_what_names_nothing_is_refused(images, words, folder):
    (folder / "empty").mkdir()
    given = images.format(folder) if isinstance(images, str) else images
    with pytest.raises(UserError) as caught:
        find_sources(given)
    assert words.format(Path(folder)) in str(caught.value)
