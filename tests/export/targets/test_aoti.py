"""Machine code computes what PyTorch computes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmresnet.export.targets import TARGETS
from mmresnet.export.wrappers import Exportable


class OfBrightRows(Exportable):
    """Convolutions over as many maps as the image has bright rows, as those over regions."""

    output_names, dynamic, example = ("features",), (1, 2), (1, 12, 9, 3)

    def __init__(self, layer: type[nn.Module]) -> None:
        super().__init__()
        self.first, self.second = layer(8, 8, 3), layer(8, 8, 3)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        bright = (images[0, :, 0, 0] > 99).nonzero()[:, 0]
        maps = bright[:, None, None, None] + torch.arange(8 * 7 * 7).view(8, 7, 7)
        return (self.second(self.first(maps / 400).relu()),)


@pytest.mark.full
@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d])
def test_convolutions_over_a_number_of_maps_that_depends_on_the_image(
    layer: type[nn.Module], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    module = OfBrightRows(layer).eval()
    TARGETS["aoti"].write(module, tmp_path)
    predict = TARGETS["aoti"].load(tmp_path)
    for size, most, is_empty in (((12, 9), 256, False), ((40, 5), 256, False), ((9, 9), 1, True)):
        images = np.random.default_rng(0).integers(0, most, (1, *size, 3), np.uint8)
        with torch.no_grad():
            (expected,) = module(torch.from_numpy(images))
        assert (len(expected) == 0) == is_empty
        np.testing.assert_allclose(predict(images)[0], expected.numpy(), atol=1e-5)
