"""Anchors and box coding: hand-computed values, and torchvision's detection code."""

import pytest
import torch
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator

from mmresnet.models.localizers.boxes import MAX_LOG_RATIO, anchors, decode, encode


def boxes(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 100
    return torch.cat([corner, corner + 5 + torch.rand(count, 2, generator=generator) * 80], dim=1)


def test_an_anchor_is_centred_on_the_pixels_of_its_position():
    """Stride 8: the centres are 4 and 12. Area 16², height 4 times the width: 8 × 32."""
    found = anchors(1, 2, 8, sizes=(16,), ratios=(1.0, 4.0))
    expected = [[-4, -4, 12, 12], [0, -12, 8, 20], [4, -4, 20, 12], [8, -12, 16, 20]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))


def test_anchors_are_those_of_torchvision():
    """Its anchors are centred on the corner of a position, and rounded to pixels."""
    sizes, ratios = (32.0, 64.0), (0.25, 1.0, 4.0)
    theirs = AnchorGenerator((sizes,), (ratios,))
    (base,) = theirs.cell_anchors
    # its order: all sizes of a ratio
    base = base.view(len(ratios), len(sizes), 4).transpose(0, 1).reshape(-1, 4)
    shifts = torch.tensor([[x, y, x, y] for y in (8.0, 24.0, 40.0) for x in (8.0, 24.0)])
    expected = (shifts[:, None] + base).reshape(-1, 4)
    torch.testing.assert_close(anchors(3, 2, 16, sizes, ratios), expected)


@pytest.mark.parametrize("stds", [(1, 1, 1, 1), (0.1, 0.1, 0.2, 0.2)])
def test_coding_is_torchvisions_and_inverts(stds):
    targets, references = boxes(20), boxes(20, seed=1)
    theirs = BoxCoder([1 / std for std in stds])
    deltas = encode(targets, references, stds)
    torch.testing.assert_close(deltas, theirs.encode_single(targets, references))
    torch.testing.assert_close(decode(deltas, references, stds), targets, rtol=1e-4, atol=1e-3)
    noise = torch.randn(20, 4, generator=torch.Generator().manual_seed(2))
    expected = theirs.decode_single(noise, references)
    torch.testing.assert_close(decode(noise, references, stds), expected)


def test_the_size_of_a_box_is_bounded():
    huge = decode(torch.tensor([[0.0, 0, 50, 50]]), torch.tensor([[0.0, 0, 10, 10]]))
    assert (huge[0, 2] - huge[0, 0]).item() == pytest.approx(10 * 1000 / 16)
    assert pytest.approx(4.135, abs=1e-3) == MAX_LOG_RATIO
