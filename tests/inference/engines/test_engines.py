"""The choice of an engine, and OpenVINO."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmcv")

from mmresnet.errors import MissingPackageError, UserError  # noqa: E402
from mmresnet.inference.engines import check_engine, optimize  # noqa: E402
from mmresnet.registry import MODELS  # noqa: E402


def test_an_unknown_engine_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"not 'openvin'\. Did you mean 'openvino'\?"):
        check_engine("openvin", "cpu")


def test_openvino_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None)
    with pytest.raises(MissingPackageError, match="pip install openvino"):
        check_engine("openvino", "cpu")


def test_openvino_does_not_compute_on_a_gpu():
    with pytest.raises(UserError, match="device='cpu'"):
        check_engine("openvino", "cuda")


def test_openvino_computes_no_other_backbones():
    model = torch.nn.Module()
    model.backbone = torch.nn.Conv2d(3, 3, 1)
    with pytest.raises(UserError, match=r"type='mmresnet\.ResNet'"):
        optimize(model, "openvino", torch.float32)


@torch.inference_mode()
def test_openvino_computes_the_backbone():
    pytest.importorskip("openvino")
    from mmresnet.inference.engines.openvino import OpenVinoNet

    torch.manual_seed(0)
    net = MODELS.build(dict(type="mmresnet.ResNet", depth=18, out_indices=(0, 3))).eval()
    compiled = OpenVinoNet(net, torch.float32)
    for shape in ((2, 3, 64, 96), (1, 3, 33, 32)):
        x = torch.randn(shape)
        for output, wanted in zip(compiled(x), net(x), strict=True):
            assert output.dtype == torch.float32
            assert (output - wanted).abs().max() < 1e-4 * wanted.abs().max()


def test_a_backbone_that_openvino_cannot_convert_is_a_user_error():
    pytest.importorskip("openvino")
    from mmresnet.inference.engines.openvino import OpenVinoNet

    class Custom(torch.nn.Conv2d):
        def forward(self, x):
            return torch.linalg.eigvals(x)

    with pytest.raises(UserError, match="OpenVINO cannot convert the backbone Custom"):
        OpenVinoNet(Custom(3, 3, 1).eval(), torch.float32)
