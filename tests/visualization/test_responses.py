"""The picture of layer responses, and the command that measures and draws them."""

import re

import pytest
from PIL import Image

from mmresnet.cli.main import main
from mmresnet.visualization.responses import plot_responses

pytest.importorskip("matplotlib")


def test_the_layers_are_drawn_in_order_and_ranked(monkeypatch):
    figures = []
    monkeypatch.setattr(
        "mmresnet.visualization.responses.save", lambda figure, path: figures.append(figure)
    )
    plot_responses({"plain-20": [0.5, 2.0, 1.0], "resnet-20": [0.25, 0.125]}, "a.png")
    in_order, ranked = figures[0].axes
    assert [list(line.get_ydata()) for line in in_order.lines] == [[0.5, 2.0, 1.0], [0.25, 0.125]]
    assert [list(line.get_ydata()) for line in ranked.lines] == [[2.0, 1.0, 0.5], [0.25, 0.125]]
    assert list(in_order.lines[0].get_xdata()) == [1, 2, 3]
    assert [line.get_linestyle() for line in in_order.lines] == ["--", "-"]


def test_the_command_measures_trained_nets(tiny_images, tmp_path, capsys):
    """On six images, normalised by hand; ResNet-20 has 6·3 + 1 layers of 3×3."""
    torch = pytest.importorskip("torch")
    from mmresnet.evaluation.responses import response_deviations
    from mmresnet.models.backbones import CifarResNet

    torch.manual_seed(0)
    net = CifarResNet(20)
    head = {"head.fc.weight": torch.zeros(3, 64), "head.fc.bias": torch.zeros(3)}
    weights = {f"backbone.{name}": value for name, value in net.state_dict().items()}
    torch.save({**weights, **head}, tmp_path / "a.pth")
    picture = tmp_path / "new" / "responses.png"
    words = ["--net", "a", "resnet20_1xb128_cifar10-images", str(tmp_path / "a.pth")]
    options = [f"data_root={tiny_images}", "num_classes=3", "num_workers=0", "batch_size=4"]
    options.append("test_dataloader.dataset.data_prefix=val")
    assert main(["plot", "responses", str(picture), *words, "--cfg-options", *options]) == 0
    line, wrote = capsys.readouterr().out.splitlines()[-2:]
    assert wrote == f"Wrote {picture}."
    assert Image.open(picture).size == (880, 660)

    images = []
    for file in sorted((tiny_images / "val").glob("*/*.jpg")):
        import cv2

        pixels = torch.from_numpy(cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)).float()
        mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
        images.append(((pixels - mean) / std).permute(2, 0, 1))
    expected = list(response_deviations(net, [torch.stack(images)]).values())
    numbers = [float(text) for text in re.findall(r"\d\.\d{3}", line)]
    assert line.startswith("a: 19 layers, standard deviations from ")
    assert numbers == pytest.approx(
        [min(expected), max(expected), sum(expected) / len(expected)], abs=0.0011
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--net", "a", "resnet20_1xb128_cifar10-images", "no.pth"], "no checkpoint at 'no.pth'"),
        (
            ["--count", "0", "--net", "a", "b", "c"],
            "The number of images must be at least 1, not 0",
        ),
    ],
)
def test_mistakes_are_one_line(words, message, capsys, tmp_path):
    assert main(["plot", "responses", str(tmp_path / "a.png"), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
