"""The choice of an engine, and OpenVINO."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmcv")

from mmresnet.errors import ExportError, MissingPackageError, UserError  # noqa: E402
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


class Classifier(torch.nn.Module):
    """A classifier, as far as engines look at it."""

    def __init__(self, backbone=None):
        super().__init__()
        self.backbone = small() if backbone is None else backbone
        self.head = torch.nn.Linear(2, 2)


class Detector(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = small()
        self.bbox_head = torch.nn.Linear(2, 2)


def test_openvino_is_chosen_for_many_images(tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setenv("MMRESNET_CACHE", str(tmp_path))
    for model, dtype, images, expected in (
        (Classifier(), torch.float32, 4000, "openvino"),
        (Classifier(), torch.bfloat16, 4000, "openvino"),
        (Classifier(), torch.float32, 3999, "pytorch"),
        (Classifier(), torch.float32, 0, "pytorch"),
        (Detector(), torch.float32, 100, "openvino"),
        (Detector(), torch.float32, 99, "pytorch"),
        (Detector(), torch.bfloat16, 100, "pytorch"),
        (Classifier(torch.nn.Conv2d(3, 3, 1)), torch.float32, 4000, "pytorch"),
    ):
        assert optimize(model, "auto", dtype, images) == expected
        is_openvino = type(model.backbone).__name__ == "OpenVinoNet"
        assert is_openvino == (expected == "openvino")


def test_openvino_is_not_chosen_where_it_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None)
    assert optimize(Classifier(), "auto", torch.float32, 4000) == "pytorch"


def test_nor_where_it_computes_something_else(tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setenv("MMRESNET_CACHE", str(tmp_path))
    from mmresnet.inference.engines import converted

    wrong = small(base_channels=32)
    convert = converted.convert
    monkeypatch.setattr(converted, "convert", lambda net: convert(wrong))
    model = Classifier()
    assert optimize(model, "auto", torch.float32, 4000) == "pytorch"
    assert type(model.backbone).__name__ == "FusedNet"
    with pytest.raises(ExportError):
        optimize(Classifier(), "openvino", torch.float32)


@pytest.fixture
def openvino_net(tmp_path, monkeypatch):
    """``openvino_net(net)`` compiles a net, with a cache of its own in ``tmp_path``."""
    pytest.importorskip("openvino")
    monkeypatch.setenv("MMRESNET_CACHE", str(tmp_path))
    from mmresnet.inference.engines.openvino import OpenVinoNet

    return lambda net, dtype=torch.float32: OpenVinoNet(net, dtype)


def small(**settings):
    torch.manual_seed(0)
    settings = {"out_indices": (0, 2), **settings}
    return MODELS.build(dict(type="mmresnet.CifarResNet", depth=8, **settings)).eval()


@torch.inference_mode()
def test_openvino_computes_the_backbone(openvino_net):
    net = small()
    compiled = openvino_net(net)
    for shape in ((2, 3, 64, 96), (1, 3, 33, 32)):
        x = torch.randn(shape)
        for output, wanted in zip(compiled(x), net(x), strict=True):
            assert output.dtype == torch.float32
            assert (output - wanted).abs().max() < 1e-4 * wanted.abs().max()


@pytest.mark.full
@torch.inference_mode()
def test_it_is_converted_once_for_each_net(openvino_net, tmp_path, monkeypatch):
    from mmresnet.inference.engines import converted

    conversions = []
    convert = converted.convert
    monkeypatch.setattr(converted, "convert", lambda net: conversions.append(net) or convert(net))
    first = small()
    other = small(out_indices=(1, 2))  # of the same weights
    third = small()
    third.layer3[0].bn2.bias += 0.1
    for net in (first, other, third, first, other, third):
        (ours, theirs), x = (net, openvino_net(net)), torch.ones(1, 3, 40, 40)
        for output, wanted in zip(theirs(x), ours(x), strict=True):
            torch.testing.assert_close(output, wanted, atol=1e-4, rtol=1e-3)
    assert conversions == [first, other, third]
    assert len(list((tmp_path / "openvino").iterdir())) == 3


@pytest.mark.full
def test_a_kept_net_that_is_another_is_converted_again(openvino_net, tmp_path):
    from mmresnet.inference.engines import converted

    first, other = small(), small(base_channels=32)
    openvino_net(other)
    place = converted.place_of(other).rename(converted.place_of(first))
    before = (place / "model.bin").stat().st_size
    x = torch.ones(1, 3, 40, 40)
    torch.testing.assert_close(openvino_net(first)(x)[1], first(x)[1], atol=1e-4, rtol=1e-3)
    assert (place / "model.bin").stat().st_size < before
    (place / "model.xml").write_text("<net")
    torch.testing.assert_close(openvino_net(first)(x)[1], first(x)[1], atol=1e-4, rtol=1e-3)


@pytest.mark.full
def test_the_oldest_are_removed(openvino_net, tmp_path, monkeypatch):
    from mmresnet.inference.engines import converted

    monkeypatch.setattr(converted, "_KEPT", 1)
    nets = [small(), small(out_indices=(2,))]
    for net in nets:
        openvino_net(net)
    assert list((tmp_path / "openvino").iterdir()) == [converted.place_of(nets[1])]


@pytest.mark.full
def test_without_a_cache_it_is_converted_each_time(openvino_net, tmp_path):
    (tmp_path / "openvino").write_text("a file where the folder would be")
    openvino_net(small())


def test_another_result_is_refused(openvino_net, monkeypatch):
    from mmresnet.inference.engines import converted

    wrong = small()
    with torch.no_grad():
        wrong.layer3[0].conv1.weight[0] *= 1.2
    convert = converted.convert
    monkeypatch.setattr(converted, "convert", lambda net: convert(wrong))
    for dtype in (torch.float32, torch.bfloat16):
        with pytest.raises(
            ExportError, match="OpenVINO does not compute what the backbone CifarResNet"
        ):
            openvino_net(small(), dtype)


def test_a_backbone_that_openvino_cannot_convert_is_a_user_error(openvino_net):
    class Custom(torch.nn.Conv2d):
        def forward(self, x):
            return torch.linalg.eigvals(x)

    with pytest.raises(UserError, match="OpenVINO cannot convert the backbone Custom"):
        openvino_net(Custom(3, 3, 1).eval())
