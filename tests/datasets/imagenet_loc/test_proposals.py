"""Proposals on disk: interrupted and resumed writing, and what is refused."""

import numpy as np
import pytest

from mmresnet.datasets.imagenet_loc.proposals import ProposalFiles
from mmresnet.errors import UserError

IMAGES = ["a", "b", "c"]


def boxes(count):
    return np.arange(count * 8, dtype=np.float32).reshape(count, 1, 2, 4)


def write(files, rows):
    part = boxes(3)[rows]
    files.write(rows, part, part[..., 0], np.array(rows)[:, None])


def test_an_interrupted_writing_goes_on(tmp_path):
    files = ProposalFiles.create(tmp_path / "p", IMAGES, (1, 2), {"weights": "1"})
    write(files, [1])
    del files
    files = ProposalFiles.create(tmp_path / "p", IMAGES, (1, 2), {"weights": "1"})
    assert files.done.tolist() == [False, True, False]
    with pytest.raises(UserError, match="for 1 of 3 images: the same 'mmresnet propose'"):
        files.rows_of(["a"])
    write(files, [0, 2])
    found = ProposalFiles(tmp_path / "p")
    assert found.rows_of(["c", "a"]) == [2, 0]
    np.testing.assert_array_equal(found.boxes, boxes(3))
    np.testing.assert_array_equal(found.scores, boxes(3)[..., 0])
    assert found.classes[:, 0].tolist() == [0, 1, 2]
    assert not found.boxes.flags.writeable


@pytest.mark.parametrize(
    ("images", "shape", "made_with", "words"),
    [
        (IMAGES, (1, 2), {"weights": "2"}, "weights was '1' and is now '2'"),
        (IMAGES, (1, 3), {"weights": "1"}, r"shape was \[1, 2\] and is now \[1, 3\]"),
        (IMAGES[:2], (1, 2), {"weights": "1"}, "images was"),
    ],
)
def test_other_proposals_are_not_overwritten(tmp_path, images, shape, made_with, words):
    write(ProposalFiles.create(tmp_path / "p", IMAGES, (1, 2), {"weights": "1"}), [0])
    with pytest.raises(UserError, match=f"{words}.*Choose another folder"):
        ProposalFiles.create(tmp_path / "p", images, shape, made_with)
    assert ProposalFiles(tmp_path / "p").done.tolist() == [True, False, False]


def test_missing_images_and_files_are_told(tmp_path):
    write(ProposalFiles.create(tmp_path / "p", IMAGES, (1, 2), {}), [0, 1, 2])
    with pytest.raises(UserError, match=r"no proposals for 1 of 2 images .*first: d"):
        ProposalFiles(tmp_path / "p").rows_of(["a", "d"])
    with pytest.raises(UserError, match=r"There are no proposals in .*nowhere"):
        ProposalFiles(tmp_path / "nowhere")
    (tmp_path / "p" / "boxes.npy").write_bytes(b"")
    with pytest.raises(UserError, match="damaged"):
        ProposalFiles(tmp_path / "p")
