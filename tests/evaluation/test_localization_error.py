"""ILSVRC's localization errors: cases by hand, and the development kit's formula in pixels."""

import numpy as np
import pytest
import torch

from mmresnet.errors import UserError, UserValueError
from mmresnet.evaluation.localization_error import LocalizationError, is_right

CLASSES = ("n01440764", "n01443537", "n01484850", "n01491361", "n01494475", "n01496331")
TRUE = [0, 0, 10, 10]
HALF = [0, 0, 10, 5]  # 50 of 100 pixels: IoU 0.5
LESS = [0, 0, 10, 4]  # IoU 0.4


def sample(predictions, gt_class=TRUE, label=3, truth=(TRUE,), name="a"):
    """Return a sample with predictions (label, box), and the box for the class ``label``."""
    return {
        "img_path": f"val/{name}.JPEG",
        "gt_label": torch.tensor([label]),
        "gt_bboxes": np.float32(truth),
        "gt_class_bbox": torch.tensor(gt_class, dtype=torch.float32),
        "pred_labels": torch.tensor([one[0] for one in predictions], dtype=torch.long),
        "pred_bboxes": torch.tensor([one[1] for one in predictions], dtype=torch.float32).view(
            -1, 4
        ),
    }


def evaluate(samples, **options):
    metric = LocalizationError(**options)
    metric.dataset_meta = {"classes": CLASSES}
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def five(*first):
    """Return five predictions: those given, and then wrong classes with the right box."""
    return [*first, *[(label, TRUE) for label in (0, 1, 2, 4, 5)]][:5]


@pytest.mark.parametrize(
    ("box", "right"),
    [
        (TRUE, True),
        (HALF, True),  # at least, not above
        (LESS, False),
        ([20, 20, 30, 30], False),
        ([0, 0, 10, 20], True),  # twice as large
        ([5, 5, 5, 5], False),  # empty
    ],
)
def test_a_box_is_right_from_half_an_overlap_on(box, right):
    boxes, truth = torch.tensor([box]).float(), torch.tensor([TRUE]).float()
    assert is_right(boxes, truth) == [right]
    other = torch.tensor([[50.0, 50, 60, 60], TRUE])  # any of the boxes will do
    assert is_right(boxes, other) == [right]


def test_errors_by_hand():
    """Five images, of which these errors are to be found:

    ======================================  ======  ======  ======  =======  ========
    prediction                               top-1   top-5  cls top-1  cls top-5  given class
    class and box first                      right   right  right      right      right
    class and box third                      wrong   right  wrong      right      right
    class first, box wrong                   wrong   wrong  right      right      wrong
    class in no prediction                   wrong   wrong  wrong      wrong      right
    class twice, the second box right        wrong   right  right      right      right
    ======================================  ======  ======  ======  =======  ========
    """
    other = (0, TRUE)
    found = evaluate(
        [
            sample(five((3, TRUE))),
            sample(five(other, (1, TRUE), (3, HALF))),
            sample(five((3, LESS)), gt_class=LESS),
            sample(five()),
            sample(five((3, LESS), (3, TRUE))),
        ]
    )
    assert found == {
        "loc/error_gt_class": 20.0,
        "loc/error_top5": 40.0,
        "loc/cls_error_top5": 20.0,
        "loc/error_top1": 80.0,
        "loc/cls_error_top1": 40.0,
    }


def test_further_predictions_are_ignored():
    six = [*five(), (3, TRUE)]
    assert evaluate([sample(six)])["loc/error_top5"] == 100.0


def test_without_predicted_classes_there_is_one_error():
    assert evaluate([sample([]), sample([], gt_class=LESS)]) == {"loc/error_gt_class": 50.0}


def test_overlaps_are_those_of_the_development_kit():
    """``compute_overlap`` counts pixels, the last column and row included."""
    random = np.random.RandomState(0)
    first = np.array([0, 0, 10, 10]) + random.randint(-3, 4, (300, 4))
    corners = np.stack([first, first + random.randint(-4, 5, (300, 4))], axis=1)
    agreed = {True: 0, False: 0}
    for a, b in corners:  # x1 y1 x2 y2, inclusive
        width = min(a[2], b[2]) - max(a[0], b[0]) + 1
        height = min(a[3], b[3]) - max(a[1], b[1]) + 1
        overlap = width * height if width > 0 and height > 0 else 0
        areas = [(c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)]
        expected = overlap / (sum(areas) - overlap) >= 0.5
        exclusive = torch.from_numpy(np.stack([a, b]) + np.array([0, 0, 1, 1])).double()
        assert is_right(exclusive[:1], exclusive[1:]) == [expected]
        agreed[bool(expected)] += 1
    assert min(agreed.values()) > 20


def class_map(tmp_path):
    path = tmp_path / "map_clsloc.txt"
    numbers = (4, 2, 6, 1, 3, 5)
    path.write_text("".join(f"{name} {n} fish\n" for name, n in zip(CLASSES, numbers, strict=True)))
    return str(path)


def test_predictions_are_written_as_ilsvrc_takes_them(tmp_path):
    out = tmp_path / "new" / "predictions.txt"
    given = [
        sample([(3, [1, 2, 11, 22]), (0, [0, 0, 5.5, 6])], name="ILSVRC2012_val_00000002"),
        sample([(2, TRUE), (5, TRUE)], name="ILSVRC2012_val_00000001"),
    ]
    evaluate(given, topk=(1,), outfile=str(out), devkit_labels=class_map(tmp_path))
    assert out.read_text().splitlines() == [
        "6 0.00 0.00 9.00 9.00 5 0.00 0.00 9.00 9.00",
        "1 1.00 2.00 10.00 21.00 4 0.00 0.00 4.50 5.00",
    ]


def test_blacklisted_images_count_by_their_class_alone(tmp_path):
    """Images 2 and 4 of four are on the list. 1 and 2 have wrong boxes, and 4 a wrong class."""
    (tmp_path / "blacklist.txt").write_text("2\n4\n")
    given = [
        sample(five((3, LESS)), gt_class=LESS, name="val_02"),
        sample(five((3, LESS)), gt_class=LESS, name="val_01"),
        sample(five((3, TRUE)), name="val_03"),
        sample(five(), name="val_04"),
    ]
    options = {"blacklist": str(tmp_path / "blacklist.txt"), "topk": (5,)}
    assert evaluate(given, **options) == {
        "loc/error_gt_class": 50.0,
        "loc/error_top5": 50.0,
        "loc/cls_error_top5": 25.0,
    }
    with pytest.raises(UserError, match="has the number 4, and there are 3 images"):
        evaluate(given[:3], **options)


def test_wrong_arguments_are_told(tmp_path):
    (tmp_path / "words.txt").write_text("one\n")
    with pytest.raises(UserError, match=r"words.txt' has a line that is no number"):
        LocalizationError(blacklist=str(tmp_path / "words.txt"))
    with pytest.raises(UserError, match=r"no file .*none.txt"):
        LocalizationError(blacklist=str(tmp_path / "none.txt"))
    with pytest.raises(UserValueError, match=r"topk=\(1, 6\) must be numbers from 1 to 5"):
        LocalizationError(topk=(1, 6))
    with pytest.raises(UserValueError, match="give outfile and devkit_labels"):
        LocalizationError(outfile="a.txt")
    with pytest.raises(UserError, match=r"topk=5 needs 5 predicted classes .* there are 1"):
        evaluate([sample([(0, TRUE)])])
