"""Box voting on boxes made by hand, and the order of the steps after the box head."""

import pytest
import torch

from mmresnet import ops

ops.install()
pytest.importorskip("mmdet.models")

from mmengine.config import ConfigDict  # noqa: E402

from mmresnet.detection.regions import Regions, best_boxes, detect, vote  # noqa: E402

SETTINGS = {"score_thr": 0.1, "nms": {"type": "nms", "iou_threshold": 0.3}, "max_per_img": 10}
METAS = [{"img_shape": (50, 50), "scale_factor": (0.5, 0.25)}]


def test_a_box_becomes_the_mean_of_those_around_it_weighted_by_their_scores():
    boxes = torch.tensor(
        [
            [0.0, 0.0, 10.0, 10.0],  # kept
            [0.0, 0.0, 10.0, 12.0],  # IoU 100/120
            [0.0, 0.0, 10.0, 20.0],  # IoU 100/200, exactly the threshold
            [5.0, 0.0, 15.0, 10.0],  # IoU 50/150: it doesn't vote
            [0.0, 0.0, 10.0, 30.0],  # IoU 100/300: neither does this
            [0.0, 2.0, 10.0, 10.0],  # IoU 80/100, but its score is too low
        ]
    )
    of_class_0 = torch.tensor([0.8, 0.4, 0.2, 0.9, 0.6, 0.1])
    of_class_1 = torch.tensor([0.1, 0.5, 0.1, 0.1, 0.1, 0.1])
    scores = torch.stack((of_class_0, of_class_1, torch.zeros(6)), 1)
    # class 0: y2 = (0.8 * 10 + 0.4 * 12 + 0.2 * 20) / (0.8 + 0.4 + 0.2) = 16.8 / 1.4 = 12
    # class 1: only the box of IoU 1 has a score above 0.1
    expected = torch.tensor([[0.0, 0.0, 10.0, 12.0], [0.0, 0.0, 10.0, 12.0]])
    kept, labels = boxes[[0, 1]], torch.tensor([0, 1])
    found = vote(kept, labels, Regions(boxes, scores), 0.1, 0.5)
    torch.testing.assert_close(found, expected)
    # with a box for each class, those of the class vote: of class 1 all boxes lie 20 to the right
    by_class = torch.cat((boxes, boxes + torch.tensor([20.0, 0.0, 20.0, 0.0])), 1)
    kept = torch.stack((by_class[0, :4], by_class[1, 4:]))
    found = vote(kept, labels, Regions(by_class, scores), 0.1, 0.5)
    expected = torch.tensor([[0.0, 0.0, 10.0, 12.0], [20.0, 0.0, 30.0, 12.0]])
    torch.testing.assert_close(found, expected)


def test_a_box_without_an_area_stays():
    boxes = torch.tensor([[3.0, 3.0, 3.0, 3.0], [0.0, 0.0, 9.0, 9.0]])
    scores = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
    found = vote(boxes[:1], torch.tensor([0]), Regions(boxes, scores), 0.1, 0.5)
    assert torch.equal(found, boxes[:1])


def test_the_refined_box_is_that_of_the_most_probable_class():
    boxes = torch.arange(16.0).view(2, 8)
    scores = torch.tensor([[0.1, 0.2, 0.7], [0.4, 0.3, 0.3]])  # the last one is the background
    expected = torch.stack((boxes[0, 4:], boxes[1, :4]))
    assert torch.equal(best_boxes(Regions(boxes, scores)), expected)
    assert torch.equal(best_boxes(Regions(boxes[:, :4], scores)), boxes[:, :4])


def scorer(calls):
    """Return a box head that moves each box by 2 to the right and knows one class."""

    def score(boxes):
        calls.append(boxes)
        moved = boxes[0] + torch.tensor([2.0, 0.0, 2.0, 0.0])
        certain = 0.5 + moved[:, 0] / 100
        return [Regions(moved, torch.stack((certain, 1 - certain), 1))]

    return score


def run(**settings):
    calls = []
    proposals = [torch.tensor([[0.0, 0.0, 10.0, 10.0], [30.0, 0.0, 40.0, 10.0]])]
    cfg = ConfigDict({**SETTINGS, **settings})
    (found,) = detect(scorer(calls), proposals, METAS, cfg, rescale=False)
    return found, calls


def test_one_pass_without_refinement():
    found, calls = run()
    assert len(calls) == 1
    # 0.5 + 0.32 and 0.5 + 0.02, the better one first
    torch.testing.assert_close(found.scores, torch.tensor([0.82, 0.52]))
    expected = torch.tensor([[32.0, 0.0, 42.0, 10.0], [2.0, 0.0, 12.0, 10.0]])
    assert torch.equal(found.bboxes, expected)


def test_the_second_pass_starts_from_the_boxes_of_the_first_and_both_are_suppressed():
    found, calls = run(box_refinement=True)
    assert torch.equal(calls[1][0], torch.tensor([[2.0, 0.0, 12.0, 10.0], [32.0, 0.0, 42.0, 10.0]]))
    # boxes of both passes, shifted by 2, have IoU 80/120: of each pair the better one stays,
    # which is that of the second pass
    torch.testing.assert_close(found.scores, torch.tensor([0.84, 0.54]))
    expected = torch.tensor([[34.0, 0.0, 44.0, 10.0], [4.0, 0.0, 14.0, 10.0]])
    assert torch.equal(found.bboxes, expected)
    loose, _ = run(box_refinement=True, nms={"type": "nms", "iou_threshold": 0.7})
    torch.testing.assert_close(loose.scores, torch.tensor([0.84, 0.82, 0.54, 0.52]))


def test_boxes_of_both_passes_vote():
    found, _ = run(box_refinement=True, box_voting={"iou_threshold": 0.5})
    # x1: (0.84 * 34 + 0.82 * 32) / 1.66 and (0.54 * 4 + 0.52 * 2) / 1.06
    torch.testing.assert_close(found.bboxes[:, 0], torch.tensor([54.8 / 1.66, 3.2 / 1.06]))
    torch.testing.assert_close(found.scores, torch.tensor([0.84, 0.54]))  # not the mean's


def test_boxes_are_scaled_to_the_original_image():
    proposals = [torch.tensor([[0.0, 0.0, 10.0, 10.0]])]
    (found,) = detect(scorer([]), proposals, METAS, ConfigDict(SETTINGS), rescale=True)
    # the input has half the width and a quarter of the height
    assert torch.equal(found.bboxes, torch.tensor([[4.0, 0.0, 24.0, 40.0]]))
