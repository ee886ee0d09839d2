"""Boxes have mmdet's bits without waiting for them."""

import pytest
import torch
from mmcv.ops.nms import batched_nms
from mmdet.models.dense_heads import AnchorHead, RPNHead
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.models.task_modules import AnchorGenerator, DeltaXYWHBBoxCoder
from mmdet.models.utils import filter_scores_and_topk
from mmdet.structures.bbox import HorizontalBoxes, bbox_overlaps, scale_boxes
from mmengine.config import ConfigDict
from mmengine.model import ImgDataPreprocessor
from mmengine.structures import InstanceData
from waiting_upstream import assert_same_bits, boxes, with_gradients

pytestmark = pytest.mark.usefixtures("mmdet_scope")
TWO_WAYS = pytest.mark.parametrize("typed", [False, True])


@pytest.mark.parametrize("shapes", [[(3, 40, 50), (3, 64, 32)], [(4, 8, 8)]])
def test_preprocessing(shapes):
    preprocessor = ImgDataPreprocessor([1, 2, 3], [4, 5, 6], 32, bgr_to_rgb=True)
    if shapes[0][0] != 3:
        preprocessor = ImgDataPreprocessor(bgr_to_rgb=True)
    assert_same_bits(
        lambda: preprocessor(
            {"inputs": [torch.randint(0, 256, shape, dtype=torch.uint8) for shape in shapes]}
        )
    )


def test_images_with_two_channels_are_refused():
    with pytest.raises(IndexError):
        ImgDataPreprocessor(bgr_to_rgb=True)({"inputs": [torch.zeros(2, 4, 4)]})


@TWO_WAYS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_anchors(typed, dtype):
    generator = AnchorGenerator([4, 8], [0.5, 2.0], [8], use_box_type=typed)
    assert_same_bits(lambda: generator.grid_priors([(5, 7), (3, 4)], dtype=dtype, device="cpu"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mode", ["iou", "iof", "giou"])
@pytest.mark.parametrize("aligned", [False, True])
def test_overlaps(dtype, mode, aligned):
    def overlaps():
        one, other = boxes(20).to(dtype), boxes(20).to(dtype)
        one[:4, 2:], other[:4, 2:] = one[:4, :2], other[:4, :2]  # without area
        one[4, 2:] = one[4, :2] + 1e-3  # one of 1e-6, where float32 has it
        one.requires_grad_()
        value = bbox_overlaps(one, other, mode, aligned)
        return with_gradients(value, one)

    assert_same_bits(overlaps)


@TWO_WAYS
@pytest.mark.parametrize("clamped", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("count", [0, 30])
def test_deltas(typed, clamped, dtype, count):
    coder = DeltaXYWHBBoxCoder(
        [0.1, 0.0, -0.2, 0.3], (0.1, 0.1, 0.2, 0.2), add_ctr_clamp=clamped, use_box_type=typed
    )
    kind = HorizontalBoxes if typed else torch.Tensor.clone

    def there_and_back():
        targets = coder.encode(kind(boxes(count)), kind(boxes(count)))
        deltas = torch.randn(count, 4 if typed else 12, dtype=dtype, requires_grad=True)
        decoded = coder.decode(kind(boxes(count)), deltas, max_shape=(60, 80))
        return targets, with_gradients(decoded.tensor if typed else decoded, deltas)

    assert_same_bits(there_and_back)


@TWO_WAYS
@pytest.mark.parametrize("columns", [4, 12])
def test_scaling(typed, columns):
    kind = HorizontalBoxes if typed else lambda made: made.repeat(1, columns // 4)
    assert_same_bits(lambda: scale_boxes(kind(boxes(9)), [1 / 3, 1 / 7]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("settings", [{"split_thr": 10}, {}, {"class_agnostic": True}])
def test_suppression(dtype, settings):
    settings = {"type": "nms", "iou_threshold": 0.5, **settings}

    def suppress():
        return batched_nms(
            boxes(60).to(dtype), torch.rand(60, dtype=dtype), torch.randint(0, 3, (60,)), settings
        )

    assert_same_bits(suppress)


@pytest.mark.parametrize("least", [-1, 0, 20, 1000])
@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("kind", [RPNHead, AnchorHead])
@pytest.mark.parametrize("typed", [False, True])
def test_small_boxes_are_left_out(least, rescale, kind, typed):
    settings = {"nms": {"type": "nms", "iou_threshold": 0.5}, "max_per_img": 10}
    cfg = ConfigDict(min_bbox_size=least, **settings)

    def decoded():
        results = InstanceData(scores=torch.rand(40))
        results.bboxes = HorizontalBoxes(boxes(40)) if typed else boxes(40)
        results.labels = results.level_ids = torch.randint(0, 3, (40,))
        head = kind.__new__(kind)
        return head._bbox_post_process(results, cfg, rescale, True, {"scale_factor": (0.5, 2.0)})

    assert_same_bits(decoded)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("count", [0, 30])
def test_the_best_scores(threshold, count):
    def best():
        scores = (torch.rand(count, 4) * 8).round() / 8
        results = {"boxes": boxes(count)}
        return filter_scores_and_topk(scores, threshold, 20, results)

    assert_same_bits(best)


@pytest.mark.parametrize("count", [0, 1, 40])
@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("scale", [None, 1.5])
@pytest.mark.parametrize("with_nan", [False, True])
def test_features_of_regions(count, levels, scale, with_nan):
    layer = {"type": "RoIAlign", "output_size": 3, "sampling_ratio": 0}
    extractor = SingleRoIExtractor(layer, 2, [4, 8, 16][:levels], finest_scale=10)

    def features():
        maps = [torch.randn(2, 2, 32 >> i, 32 >> i, requires_grad=True) for i in range(levels)]
        regions = torch.cat([torch.randint(0, 2, (count, 1)).float(), boxes(count)], 1)
        if with_nan and levels > 1:  # such a region has no level
            regions[::3, 2] = float("nan")
        return with_gradients(extractor(maps, regions, scale), *maps)

    assert_same_bits(features)
