"""mmresnet cam: pictures, and one line about mistakes."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

import torch

from mmresnet.cli.main import main


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_images):
    """The config's name and options, and a checkpoint whose best class is always "owl"."""
    from mmresnet.config.load import load_config
    from mmresnet.engine.assembly import build_model

    net = build_model(load_config("digits_resnet20", {"num_classes": 3}))
    with torch.no_grad():
        net.head.fc.bias[2] = 100
    checkpoint = tmp_path_factory.mktemp("run") / "model.pth"
    torch.save({"state_dict": net.state_dict()}, checkpoint)
    return ["digits_resnet20", str(checkpoint)], ["--cfg-options", f"data_root={tiny_images}"]


def test_a_picture_for_each_image(model, tiny_images, tmp_path, capsys):
    (given, options), images = model, str(tiny_images / "val")
    assert main(["cam", *given, images, "--out", str(tmp_path / "maps"), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0] == f"{tmp_path}/maps/cat/0.png: owl 100%"
    picture = np.asarray(Image.open(tmp_path / "maps" / "cat" / "0.png"))
    original = np.asarray(Image.open(tiny_images / "val" / "cat" / "0.jpg"))
    factor = -(-400 // original.shape[1])
    assert (picture[::factor, ::factor][: original.shape[0], : original.shape[1]] == original).all()


def test_the_map_of_another_class(model, tiny_images, tmp_path, capsys):
    pytest.importorskip("captum")
    (given, options), image = model, str(tiny_images / "val" / "cat" / "1.jpg")
    more = ["--class", "dog", "--method", "grad-cam", "--layer", "backbone.layer1"]
    assert main(["cam", *given, image, "--out", str(tmp_path), *more, *options]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/1.png: dog 0%\n"


def test_a_file_that_is_no_image_is_told(model, tiny_images, tmp_path, capsys):
    (given, options), image = model, str(tiny_images / "val" / "cat" / "1.jpg")
    (tmp_path / "bad.jpg").write_text("no image")
    images = [str(tmp_path / "bad.jpg"), image]
    with pytest.raises(SystemExit, match="1"):
        main(["cam", *given, *images, "--out", str(tmp_path), *options])
    told = capsys.readouterr()
    assert "1.png: owl" in told.out
    assert f"Error reading '{tmp_path}/bad.jpg'" in told.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--class", "dgo"], "no class 'dgo' among its 3. Did you mean 'dog'"),
        (["--method", "grad"], "no method 'grad': cam or grad-cam"),
        (["--out", "/dev/null/maps"], "Nothing can be written to '/dev/null/maps'"),
    ],
)
def test_a_mistake_is_one_line(model, arguments, words, tiny_images, capsys):
    (given, options), image = model, str(tiny_images / "val" / "cat" / "1.jpg")
    assert main(["cam", *given, image, *arguments, *options]) == 2
    assert words in capsys.readouterr().err


def test_no_images_are_told_before_the_model_is_loaded(tmp_path, capsys):
    assert main(["cam", "nosuch", "nosuch.pth", str(tmp_path)]) == 2
    assert "There is no image or video in the folder" in capsys.readouterr().err
