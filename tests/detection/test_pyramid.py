"""The scales that a region is read from."""

import pytest
import torch

from mmresnet import ops

ops.install()
pytest.importorskip("mmdet.models")

from mmdet.structures import DetDataSample  # noqa: E402

from mmresnet.detection.pyramid import FeatureMaps, adjacent_scales  # noqa: E402


def test_two_scales_are_chosen_at_which_a_box_is_nearest_to_224_pixels():
    factors = [(0.5, 0.5), (1.0, 1.0), (2.0, 2.0), (4.0, 4.0)]
    boxes = torch.tensor(
        [
            # 2,500, 10,000, 40,000 and 160,000 pixels; 224 * 224 are 50,176, so that the
            # distances are 47,676, 40,176, 10,176 and 109,824
            [0.0, 0.0, 100.0, 100.0],
            # 10,000, 40,000, 160,000, …: the distances 40,176, 10,176, 109,824
            [10.0, 20.0, 210.0, 220.0],
            [0.0, 0.0, 1000.0, 1000.0],  # too large at every scale
            [0.0, 0.0, 4.0, 4.0],  # too small
            [0.0, 0.0, 50.0, 200.0],  # the first once more, by its area
        ]
    )
    chosen = [row.nonzero().squeeze(1).tolist() for row in adjacent_scales(boxes, factors, 224)]
    assert chosen == [[1, 2], [0, 1], [0, 1], [2, 3], [1, 2]]
    # of 400 * 400 pixels, the first has at the largest scale
    assert adjacent_scales(boxes[:1], factors, 400)[0].tolist() == [False, False, True, True]


def test_maps_know_their_images_and_are_sliced_as_a_tuple():
    samples = [DetDataSample(metainfo={"img_shape": size}) for size in ((30, 40), (20, 1333))]
    # bfloat16 has no 1333
    levels = [torch.zeros(2, 1, size, size, dtype=torch.bfloat16) for size in (4, 2)]
    maps = FeatureMaps.of(levels, samples)
    assert [box.tolist() for box in maps.image_boxes()] == [[[0, 0, 40, 30]], [[0, 0, 1333, 20]]]
    assert FeatureMaps.of(maps, samples[:1]) is maps
    assert type(maps[:1]) is tuple
    assert maps.pyramid == []
