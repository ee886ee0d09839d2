"""The command that converts weights to the names of another package."""

import pytest
import torch

from mmresnet.cli import command as cli


@pytest.fixture
def run(load_tool):
    main = load_tool("convert_weights").main
    return lambda *arguments: cli.run(main, [str(argument) for argument in arguments])


def test_its_layouts_are_those_that_can_be_written(load_tool):
    from mmresnet.weights.convert import TARGETS

    assert sorted(load_tool("convert_weights").LAYOUTS) == sorted(TARGETS)


def test_it_prints_what_it_wrote(run, tmp_path, capsys):
    import torchvision

    tensors = torchvision.models.resnet18().state_dict()
    detector = {f"backbone.{name}": tensor for name, tensor in tensors.items() if "fc" not in name}
    torch.save({**detector, "neck.lateral.weight": torch.zeros(1)}, tmp_path / "a.pth")
    assert run(tmp_path / "a.pth", tmp_path / "b.safetensors", "--to", "timm") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith("b.safetensors: ResNet-18, 120 tensors, from mmdet to timm")
    assert out[1] == "left out, not part of a ResNet: neck.lateral.weight"


@pytest.mark.parametrize(
    ("source", "words"),
    [("none.pth", "There is no file of weights"), ("torchvision://resnet5", "Did you mean")],
)
def test_a_mistake_is_reported_in_one_line(source, words, run, tmp_path, capsys):
    assert run(source, tmp_path / "b.pth", "--to", "timm") == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
