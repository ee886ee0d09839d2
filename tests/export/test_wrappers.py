"""Normalization inside of the model, and folded norm layers."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmpretrain.models import ClsDataPreprocessor  # noqa: E402

from mmresnet.export.wrappers import Normalize, folded_copy  # noqa: E402
from mmresnet.models.backbones import ResNet, ResNetV1d  # noqa: E402

NORM = {"mean": [120.0, 110.0, 100.0], "std": [60.0, 50.0, 40.0]}


@pytest.mark.parametrize(
    "settings", [NORM, {**NORM, "to_rgb": True}, {"to_rgb": True}, {}], ids=str
)
@pytest.mark.parametrize("loads_rgb", [False, True])
def test_it_is_what_the_data_preprocessor_does(settings, loads_rgb):
    preprocessor = ClsDataPreprocessor(**settings)
    images = torch.randint(0, 256, (2, 5, 6, 3), dtype=torch.uint8)
    loaded = images.flip(3) if loads_rgb else images
    expected = preprocessor({"inputs": loaded.permute(0, 3, 1, 2)})["inputs"]
    torch.testing.assert_close(Normalize.like(preprocessor, loads_rgb)(images), expected)


@pytest.mark.parametrize("net", [ResNet, ResNetV1d])
def test_folded_norm_layers(net):
    net = net(depth=50, stem_channels=8, base_channels=8).train()
    with torch.no_grad():
        net(torch.randn(4, 3, 64, 64) * 3)  # statistics
    folded = folded_copy(net.eval())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(folded(images)[0], net(images)[0], atol=1e-4, rtol=1e-4)
