"""ILSVRC's file for classification: the devkit's numbers, and images in the order of names."""

import numpy as np
import pytest

from mmresnet.errors import UserError, UserFileNotFoundError
from mmresnet.evaluation.submission import numbers_of, read_devkit_labels, write_submission

# as in the devkit: numbers in another order than that of the WordNet ids
LINES = (
    "n02119789 1 kit_fox",
    "n02100735 2 English_setter",
    "n02110185 3 Siberian_husky",
    "n02096294 4 Australian_terrier",
    "n02102040 5 English_springer",
    "n02066245 6 grey_whale",
)
IDS = sorted(line.split()[0] for line in LINES)  # 6 4 2 5 3 1


def labels(folder, *lines):
    (folder / "map.txt").write_text("\n".join(lines) + "\n")
    return folder / "map.txt"


def test_the_file_by_hand(tmp_path):
    numbers = read_devkit_labels(labels(tmp_path, *LINES, ""))
    order = numbers_of(IDS, numbers)
    assert order.tolist() == [6, 4, 2, 5, 3, 1]
    # the best classes are 5 4 3 2 1 of the first image and 0 1 2 3 4 of the second, whose name
    # comes first, though its folder does not
    scores = np.array([[0.0, 0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.4, 0.3, 0.2, 0.1, 0.0]])
    write_submission(tmp_path / "answer.txt", scores, ["a/test_2.JPEG", "b/test_1.JPEG"], order)
    assert (tmp_path / "answer.txt").read_text() == "6 4 2 5 3\n1 3 5 2 4\n"


def test_the_number_may_come_first(tmp_path):
    swapped = [" ".join([line.split()[1], line.split()[0]]) for line in LINES]
    assert read_devkit_labels(labels(tmp_path, *swapped)) == read_devkit_labels(
        labels(tmp_path, *LINES)
    )


def test_classes_with_english_names_are_in_the_order_of_sorted_ids(tmp_path):
    numbers = read_devkit_labels(labels(tmp_path, *LINES))
    names = ["grey whale", "terrier", "setter", "springer", "husky", "kit fox"]
    assert numbers_of(names, numbers).tolist() == [6, 4, 2, 5, 3, 1]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["n02119789 1", "kit_fox 2"], "line 2 of .*'kit_fox 2', must begin with the WordNet id"),
        (["n02119789 1", "n02119789 2"], "line 2 .* of another class"),
        (["n02119789 0", "n02100735 1"], "the 2 classes of .* must be numbered from 1"),
        ([], "the 0 classes"),
    ],
)
def test_a_list_of_another_form_is_refused(lines, said, tmp_path):
    with pytest.raises(UserError, match=said):
        read_devkit_labels(labels(tmp_path, *lines))


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(UserFileNotFoundError, match="there is no file"):
        read_devkit_labels(tmp_path / "missing.txt")
    numbers = read_devkit_labels(labels(tmp_path, *LINES))
    with pytest.raises(UserError, match="has 6 classes, and the scores are for 5"):
        numbers_of(IDS[:5], numbers)
    with pytest.raises(UserError, match="lacks the class 'n00000001', and 0 others"):
        numbers_of(["n00000001", *IDS[1:]], numbers)
    order = numbers_of(IDS, numbers)
    with pytest.raises(UserError, match="there are 4"):
        write_submission(tmp_path / "a", np.zeros((1, 4)), ["a"], order[:4])
    with pytest.raises(UserError, match="same file name"):
        write_submission(tmp_path / "a", np.zeros((2, 6)), ["x/1.jpg", "y/1.jpg"], order)
    assert not (tmp_path / "a").exists()
