"""A data set of another version has another description; one elsewhere has the same."""

import shutil

import pytest

from mmresnet.engine.nodes.data_version import _spread, describe


@pytest.fixture
def described(tiny_images, tmp_path, mmpretrain_scope):
    """``described(change)`` describes a copy of the images that ``change(folder)`` has changed."""
    from mmresnet.datasets.class_folders import CustomDataset

    numbers = iter(range(9))

    def run(change=lambda folder: None):
        root = tmp_path / f"copy{next(numbers)}"
        shutil.copytree(tiny_images, root)
        change(root / "train")
        return describe(CustomDataset(data_root=str(root), data_prefix="train"), str(root))

    return run


def test_the_same_data_elsewhere(described):
    assert described() == described()
    assert described()["number of samples"] == 12


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda train: (train / "cat" / "0.jpg").unlink(), {"number of samples", "annotations"}),
        (lambda train: (train / "cat" / "0.jpg").rename(train / "cat" / "9.jpg"), {"annotations"}),
        (lambda train: (train / "cat").rename(train / "cap"), {"annotations", "classes"}),
        (
            lambda train: (train / "owl" / "3.jpg").write_bytes(b"another picture"),
            {"sizes of image files"},
        ),
    ],
)
def test_what_differs_is_told(change, expected, described):
    before, after = described(), described(change)
    differ = {name for name in before if before[name] != after[name]}
    assert expected <= differ <= expected | {"sizes of image files"}


def test_a_wrapped_set_is_looked_into_and_another_kind_is_counted():
    class Wrapper:
        dataset = (1, 2, 3)

    assert describe(Wrapper()) == {"number of samples": 3}


def test_images_that_are_no_files_have_no_size():
    class Set:
        def __init__(self, *paths):
            self.paths = paths

        def __len__(self):
            return len(self.paths)

        def get_data_info(self, index):
            return {"img_path": self.paths[index]}

    one, two = describe(Set("s3://a/1.jpg")), describe(Set("s3://b/1.jpg"))
    assert one["sizes of image files"] == two["sizes of image files"]
    assert one["annotations"] != two["annotations"]


def test_indices_are_spread_from_the_first_to_the_last():
    assert _spread(3, 5) == [0, 1, 2]
    assert _spread(101, 5) == [0, 25, 50, 75, 100]
