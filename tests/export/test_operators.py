"""An operator that a format lacks is named, with what to take instead."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmresnet.errors import UserError  # noqa: E402
from mmresnet.export.operators import explain_operators  # noqa: E402
from mmresnet.export.targets import TARGETS  # noqa: E402
from mmresnet.export.wrappers import Exportable  # noqa: E402


class Bessel(Exportable):
    """A layer that no format but PyTorch's has."""

    output_names, dynamic, example = ("y",), (0,), (2, 8, 8, 3)

    def forward(self, images):
        return (torch.special.bessel_j0(images.float()),)


@pytest.mark.parametrize("name", ["onnx", pytest.param("openvino", marks=pytest.mark.full)])
def test_a_missing_operator_is_named(name, tmp_path):
    target = TARGETS[name]
    for package in target.packages:
        pytest.importorskip(package)
    with pytest.raises(UserError) as raised, explain_operators(target):
        target.write(Bessel(), tmp_path)
    said = rf"{target.title} has no operator for \w+\.\w*bessel_j0.*--to torch and --to aoti"
    raised.match(said)


def test_pytorchs_own_format_has_it(tmp_path):
    target = TARGETS["torch"]
    target.write(Bessel(), tmp_path)
    images = torch.arange(192).view(1, 8, 8, 3).to(torch.uint8)
    (result,) = target.load(tmp_path)(images.numpy())
    torch.testing.assert_close(torch.from_numpy(result), torch.special.bessel_j0(images.float()))


def test_other_errors_pass():
    with pytest.raises(KeyError), explain_operators(TARGETS["onnx"]):
        raise KeyError("x")
