"""A traced model, as mmengine traces it to count multiply-adds."""

import torch
from mmcv.ops import RoIAlign
from mmengine.analysis import get_model_complexity_info

from mmresnet.ops.roi_align import operator


class Pooled(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool = torch.nn.Conv2d(64, 64, 1), RoIAlign(7, 1.0, 2)

    def forward(self, features: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        return self.pool(self.conv(features), boxes)


def test_a_model_with_a_roi_align_is_analysed(monkeypatch) -> None:
    used = []
    sparse = operator.sparse.forward
    monkeypatch.setattr(
        operator.sparse, "forward", lambda *arguments: used.append(1) or sparse(*arguments)
    )
    features = torch.rand(1, 64, 32, 40, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[0.0, 1, 2, 30, 28], [0.0, 4, 4, 39, 31]]).repeat(60, 1)
    model = Pooled()
    model(features, boxes)
    assert used == [1], "this size no longer takes the sparse product, which cannot be traced"
    counted = get_model_complexity_info(
        model, inputs=(features, boxes), show_table=False, show_arch=False
    )
    assert counted["flops"] == 64 * 64 * 32 * 40  # of the convolution
