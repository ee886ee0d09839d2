"""Files, folders, globs and arrays as sources; what is refused."""

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


def relative(sources, folder):
    return [str(Path(source.path).relative_to(folder)) for source in sources]


def test_a_folder_is_searched_recursively(folder):
    sources = find_sources(folder)
    names = ["a.PNG", "a.jpg", "b.jpg", "deep/b.jpg", "deep/er/film.mp4"]
    assert relative(sources, folder) == names
    assert [source.name for source in sources] == ["a", "a_2", "b", "deep/b", "deep/er/film"]
    assert [source.is_video for source in sources] == [False] * 4 + [True]


def test_hidden_files_and_folders_are_passed_over(folder):
    for name in ("._a.jpg", ".ipynb_checkpoints/a.jpg", "deep/.hidden.png", "new.gif", "n.webp"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    found = relative(find_sources(folder), folder)
    assert found == [
        "a.PNG",
        "a.jpg",
        "b.jpg",
        "deep/b.jpg",
        "deep/er/film.mp4",
        "n.webp",
        "new.gif",
    ]


def test_folders_and_globs_leave_the_skipped_folder_out(folder):
    sources = find_sources(folder, skip=folder / "deep")
    assert relative(sources, folder) == ["a.PNG", "a.jpg", "b.jpg"]
    sources = find_sources(str(folder / "**" / "*.jpg"), skip=folder / "deep")
    assert relative(sources, folder) == ["a.jpg", "b.jpg"]


def test_a_glob_can_match_any_folders(folder):
    sources = find_sources(str(folder / "**" / "*.jpg"))
    assert relative(sources, folder) == ["a.jpg", "b.jpg", "deep/b.jpg"]
    assert [source.name for source in sources] == ["a", "b", "b_2"]


def test_a_file_is_taken_once_and_whatever_its_extension(folder):
    paths = [str(folder / "notes.txt"), folder / "b.jpg", str(folder / "deep" / ".." / "b.jpg")]
    assert relative(find_sources(paths), folder) == ["notes.txt", "b.jpg"]


def test_a_file_name_can_have_the_characters_of_a_glob(tmp_path):
    path = tmp_path / "a[1].jpg"
    path.touch()
    assert [source.path for source in find_sources(path)] == [str(path)]


def test_names_that_differ_only_in_case_get_different_pictures(tmp_path):
    paths = [tmp_path / name for name in ("x/Cat.jpg", "y/cat.jpg", "z/cat.jpg")]
    for path in paths:
        path.parent.mkdir()
        path.touch()
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
        ("{}/empty", "no image or video in the folder '{}/empty'"),
        (np.zeros((4, 5), np.uint8), r"(4, 5) of uint8, and must be (height, width, 3)"),
        (np.zeros((4, 5, 3)), r"(4, 5, 3) of float64, and must be (height, width, 3) of uint8"),
        ([np.zeros((0, 5, 3), np.uint8)], r"(0, 5, 3) of uint8"),
        ([3], "Image 0 is of type int: give a path"),
    ],
)
def test_mistakes_are_refused(images, words, folder):
    (folder / "empty").mkdir()
    given = images.format(folder) if isinstance(images, str) else images
    with pytest.raises(UserError) as caught:
        find_sources(given)
    assert words.format(Path(folder)) in str(caught.value)
