"""Masks as plain values."""

import numpy as np
import pytest

pytest.importorskip("pycocotools")

from mmresnet.evaluation.results import decode_mask, encode_mask


def test_mask_encoding_is_that_of_coco():
    mask = np.array([[0, 1], [0, 1], [1, 1]], bool)
    # column by column: 2 zeros, 4 ones; the characters are the counts plus 48
    assert encode_mask(mask) == {"size": [3, 2], "counts": "24"}
    assert (decode_mask(encode_mask(mask)) == mask).all()
