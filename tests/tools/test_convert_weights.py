"""The command that converts weights to the names of another package."""

import pytest
import torch

from mmresnet.cli import command as cli


@pytest.fixture
def run(load_tool):
    main = load_tool("convert_weights").main
    return lambda *arguments: cli.run(main, [str(argument) for argument in arguments])


def test_its_layouts_are_those_that_can_be_written():
    from mmresnet.cli.convert import LAYOUTS
    from mmresnet.weights.convert import TARGETS

    assert sorted(LAYOUTS) == sorted(TARGETS)


def test_it_prints_what_it_wrote(run, tmp_path, capsys):
    import torchvision

    tensors = torchvision.models.resnet18().state_dict()
    detector = {f"backbone.{name}": tensor for name, tensor in tensors.items() if "fc" not in name}
    torch.save({**detector, "neck.lateral.weight": torch.zeros(1)}, tmp_path / "a.pth")
    assert run(tmp_path / "a.pth", tmp_path / "b.safetensors", "--to", "timm") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith("b.safetensors: ResNet-18, 120 tensors, from mmdet to timm")
    assert out[1] == "left out, not part of a ResNet: neck.lateral.weight"


def test_a_net_that_the_other_package_does_not_have_is_refused(run, tmp_path, capsys):
    from mmresnet.models.backbones import CifarResNet

    torch.save(CifarResNet(20).state_dict(), tmp_path / "a.pth")
    assert run(tmp_path / "a.pth", tmp_path / "b.pth", "--to", "torchvision") == 2
    assert "holds ResNet-20 for CIFAR, and the layout 'torchvision'" in capsys.readouterr().err
    assert not (tmp_path / "b.pth").exists()
    assert run(tmp_path / "a.pth", tmp_path / "b.pth", "--to", "mmresnet") == 0


@pytest.mark.parametrize(
    ("source", "words"),
    [("none.pth", "There is no file of weights"), ("torchvision://resnet5", "Did you mean")],
)
def test_a_mistake_is_reported_in_one_line(source, words, run, tmp_path, capsys):
    assert run(source, tmp_path / "b.pth", "--to", "timm") == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
