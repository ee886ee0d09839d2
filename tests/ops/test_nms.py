"""NMS, soft NMS and NMS match, through ``mmcv.ops``."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import mmresnet.ops

mmresnet.ops.install()
from mmcv.ops import batched_nms, nms, nms_match, soft_nms  # noqa: E402  needs the operators

# IoU with the first: 0.5 (2 of a union of 4), 0, 1
BOXES = torch.tensor([[0.0, 0, 3, 1], [1, 0, 4, 1], [10, 10, 11, 11], [0, 0, 3, 1]])
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6])


def random_boxes(count: int, seed: int = 0, levels: int | None = None) -> tuple[Tensor, Tensor]:
    """Return boxes that overlap often, and scores; with ``levels``, many of these are equal."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=generator) * 30 - 5
    size = torch.rand(count, 2, generator=generator) * 20
    scores = torch.rand(count, generator=generator)
    if levels:
        scores = (scores * levels).ceil() / levels
    return torch.cat([low, low + size], 1), scores


def iou(a: list[float], b: list[float], offset: int = 0) -> float:
    def extent(low: float, high: float) -> float:
        return max(high - low + offset, 0)

    shared = extent(max(a[0], b[0]), min(a[2], b[2])) * extent(max(a[1], b[1]), min(a[3], b[3]))
    both = sum(extent(box[0], box[2]) * extent(box[1], box[3]) for box in (a, b))
    return shared / (both - shared) if both > shared else 0.0


def reference_nms(boxes: Tensor, scores: Tensor, threshold: float, offset: int) -> list[int]:
    boxes = boxes.tolist()
    kept = []
    for index in scores.argsort(descending=True, stable=True).tolist():
        if all(iou(boxes[index], boxes[other], offset) <= threshold for other in kept):
            kept.append(index)
    return kept


def reference_soft_nms(
    boxes: Tensor, scores: Tensor, threshold: float, sigma: float, least: float, method: str
) -> list[tuple[int, float]]:
    """The loop of mmcv's kernel: the best box is swapped to the front, removed ones to the back."""
    queue = [
        list(row) for row in zip(range(len(boxes)), boxes.tolist(), scores.tolist(), strict=True)
    ]
    kept = []
    while queue:
        best = max(range(len(queue)), key=lambda place: (queue[place][2], -place))
        queue[0], queue[best] = queue[best], queue[0]
        index, box, score = queue.pop(0)
        kept.append((index, score))
        place = 0
        while place < len(queue):
            overlap = iou(box, queue[place][1])
            if method == "gaussian":
                queue[place][2] *= math.exp(-(overlap**2) / sigma)
            elif overlap >= threshold:
                queue[place][2] *= 1 - overlap if method == "linear" else 0
            if queue[place][2] < least:
                queue[place] = queue[-1]
                queue.pop()
            else:
                place += 1
    return kept


def test_nms_by_hand() -> None:
    dets, kept = nms(BOXES, SCORES, 0.6)
    assert kept.tolist() == [0, 1, 2]
    assert torch.equal(dets, torch.cat([BOXES, SCORES[:, None]], 1)[:3])
    assert nms(BOXES, SCORES, 0.4)[1].tolist() == [0, 2]


def test_a_box_whose_iou_equals_the_threshold_is_kept() -> None:
    """The threshold is rounded to float32, as by mmcv: 0.3 is larger there than in float64."""
    assert nms(BOXES, SCORES, 0.5)[1].tolist() == [0, 1, 2]
    boxes = torch.tensor([[0.0, 0, 10, 1], [0, 0, 3, 1]])
    for dtype in (torch.float32, torch.float64):
        assert len(nms(boxes.to(dtype), SCORES[:2].to(dtype), 0.3)[1]) == 2


def test_nms_with_an_offset() -> None:
    boxes = torch.tensor([[0.0, 0, 9, 9], [0, 5, 9, 14]])  # 10 × 10 pixels, half of them shared
    assert len(nms(boxes, SCORES[:2], 0.32, offset=1)[1]) == 1  # 50 of 150
    assert len(nms(boxes, SCORES[:2], 0.32)[1]) == 2  # 36 of 126


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_nms_agrees_with_a_reference(threshold: float, offset: int, dtype: torch.dtype) -> None:
    boxes, scores = random_boxes(200)
    boxes, scores = boxes.to(dtype), scores.to(dtype)
    dets, kept = nms(boxes, scores, threshold, offset=offset)
    assert kept.tolist() == reference_nms(boxes, scores, threshold, offset)
    assert dets.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_nms_accepts_16_bit_types(dtype: torch.dtype) -> None:
    boxes, scores = (tensor.to(dtype) for tensor in random_boxes(100))
    with torch.autocast("cpu", dtype):
        dets, kept = nms(boxes, scores, 0.5, offset=1)
    assert dets.dtype == dtype
    assert kept.tolist() == reference_nms(boxes.float(), scores.float(), 0.5, 1)


def test_nms_with_a_score_threshold_and_a_maximum_number() -> None:
    assert nms(BOXES, SCORES, 0.6, score_threshold=0.75)[1].tolist() == [0, 1]
    assert nms(BOXES, SCORES, 0.6, max_num=1)[1].tolist() == [0]


def test_empty_input() -> None:
    boxes, scores = torch.zeros(0, 4), torch.zeros(0)
    for function in (nms, soft_nms):
        dets, kept = function(boxes, scores, 0.5)
        assert dets.shape == (0, 5)
        assert kept.dtype == torch.int64
        assert kept.shape == (0,)
    assert nms_match(torch.zeros(0, 5), 0.5) == []


def test_arrays_come_back_as_arrays() -> None:
    for function in (nms, soft_nms):
        dets, kept = function(BOXES.numpy(), SCORES.numpy(), 0.6)
        assert isinstance(dets, np.ndarray)
        assert kept.tolist() == [0, 1, 2]
    groups = nms_match(torch.cat([BOXES, SCORES[:, None]], 1).numpy(), 0.6)
    assert [group.tolist() for group in groups] == [[0, 3], [1], [2]]


def test_soft_nms_by_hand() -> None:
    linear, kept = soft_nms(BOXES, SCORES, 0.3, method="linear", min_score=0.1)
    assert kept.tolist() == [0, 2, 1]  # the fourth, with an IoU of 1, falls to 0
    assert linear[:, 4].tolist() == pytest.approx([0.9, 0.7, 0.8 * 0.5])
    gaussian, kept = soft_nms(BOXES, SCORES, sigma=0.5, method="gaussian", min_score=0.0)
    assert kept.tolist() == [0, 2, 1, 3]
    once = math.exp(-(0.5**2) / 0.5)
    assert gaussian[:, 4].tolist() == pytest.approx(
        [0.9, 0.7, 0.8 * once, 0.6 * math.exp(-1 / 0.5) * once]
    )
    naive, kept = soft_nms(BOXES, SCORES, 0.3, method="naive")
    assert kept.tolist() == [0, 2]
    assert torch.equal(naive[:, :4], BOXES[[0, 2]])


@pytest.mark.parametrize("levels", [None, 5], ids=["scores", "equal scores"])
@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_soft_nms_agrees_with_a_reference(method: str, dtype: torch.dtype, levels: int) -> None:
    boxes, scores = (tensor.to(dtype) for tensor in random_boxes(80, levels=levels))
    dets, kept = soft_nms(boxes, scores, 0.3, 0.5, 0.05, method)
    expected = reference_soft_nms(boxes, scores, 0.3, 0.5, 0.05, method)
    assert kept.tolist() == [index for index, _ in expected]
    assert dets[:, 4].tolist() == pytest.approx([score for _, score in expected], rel=1e-5)
    assert torch.equal(dets[:, :4], boxes[kept])
    assert dets.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_soft_nms_accepts_16_bit_types(dtype: torch.dtype) -> None:
    with torch.autocast("cpu", dtype):
        dets, kept = soft_nms(BOXES.to(dtype), SCORES.to(dtype), 0.3, method="linear")
    assert kept.tolist() == [0, 2, 1]
    assert dets.dtype == dtype


@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
def test_boxes_without_area_suppress_nothing(method: str) -> None:
    dets, kept = soft_nms(torch.zeros(3, 4), SCORES[:3], 0.3, method=method)
    assert kept.tolist() == [0, 1, 2]
    assert torch.equal(dets[:, 4], SCORES[:3])
    assert nms(torch.zeros(3, 4), SCORES[:3], 0.3)[1].tolist() == [0, 1, 2]


def test_the_best_box_is_kept_even_below_min_score() -> None:
    _, kept = soft_nms(BOXES, SCORES * 1e-5, 0.3, min_score=0.5)
    assert kept.tolist() == [0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_nms_match_agrees_with_a_reference(dtype: torch.dtype) -> None:
    boxes, scores = (tensor.to(dtype) for tensor in random_boxes(120))
    groups = nms_match(torch.cat([boxes, scores[:, None]], 1), 0.4)
    remaining = scores.argsort(descending=True).tolist()
    for group in groups:
        best = boxes[remaining[0]].tolist()
        matches = [other for other in remaining[1:] if iou(best, boxes[other].tolist()) >= 0.4]
        assert group.tolist() == [remaining[0], *matches]
        remaining = [index for index in remaining[1:] if index not in matches]
    assert not remaining


def test_nms_match_includes_a_box_whose_iou_equals_the_threshold() -> None:
    dets = torch.cat([BOXES, SCORES[:, None]], 1)
    assert [group.tolist() for group in nms_match(dets, 0.5)] == [[0, 1, 3], [2]]
    assert [group.tolist() for group in nms_match(dets.bfloat16(), 0.6)] == [[0, 3], [1], [2]]


@pytest.mark.parametrize("kind", ["nms", "soft_nms"])
@pytest.mark.parametrize("split", [10000, 10], ids=["at once", "class by class"])
def test_batched_nms_keeps_classes_separate(split: int, kind: str) -> None:
    boxes, scores = random_boxes(90)
    classes = torch.arange(90) % 3
    config = dict(type=kind, iou_threshold=0.4, split_thr=split)
    dets, kept = batched_nms(boxes, scores, classes, config)
    function, expected = dict(nms=nms, soft_nms=soft_nms)[kind], {}
    for label in range(3):
        own = (classes == label).nonzero()[:, 0]
        found, chosen = function(boxes[own], scores[own], 0.4)
        expected |= dict(zip(own[chosen].tolist(), found[:, 4].tolist(), strict=True))
    assert set(kept.tolist()) == set(expected)
    assert dets[:, 4].tolist() == pytest.approx(
        [expected[index] for index in kept.tolist()], abs=1e-5
    )
    assert dets[:, 4].tolist() == sorted(dets[:, 4].tolist(), reverse=True)
