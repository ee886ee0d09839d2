"""Operators that are not exact are named; other warnings are passed on."""

import warnings

import pytest
import torch

from mmresnet.engine.resume.exactness import inexact_operators


def test_inexact_operators() -> None:
    with pytest.warns(UserWarning, match="another warning"), inexact_operators() as names:
        for _ in range(2):
            torch.zeros(3).put_(torch.tensor([0]), torch.ones(1))
        warnings.warn("another warning", stacklevel=1)
    assert names == ["put_"]
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_in_the_backward_pass() -> None:
    """Which runs in a thread of its own."""
    image = torch.rand(1, 1, 4, 4, device="cuda", requires_grad=True)
    with inexact_operators() as names:
        torch.nn.functional.adaptive_max_pool2d(image, 2).sum().backward()
    assert names == ["adaptive_max_pool2d_backward_cuda"]
