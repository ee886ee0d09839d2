"""Configs are printed whole, or as differences."""

from mmresnet.cli.main import main
from mmresnet.config.differences import differences


def test_a_config_is_printed_merged(capsys):
    assert main(["config", "resnet50_8xb32_in1k", "--cfg-options", "num_classes=3"]) == 0
    out = capsys.readouterr().out
    assert "type='mmresnet.ResNet'" in out
    assert "num_classes=3" in out


def test_two_recipes(capsys):
    assert main(["config", "resnet50_8xb32_in1k", "--diff", "resnet18_8xb32_in1k"]) == 0
    expected = ["model.backbone.depth: 18 -> 50", "model.head.in_channels: 512 -> 2048"]
    assert sorted(capsys.readouterr().out.splitlines()) == expected


def test_a_recipe_and_its_overrides(capsys):
    options = ["--cfg-options", "optim_wrapper.optimizer.lr=0.2"]
    assert main(["config", "resnet50_8xb32_in1k", *options, "--diff"]) == 0
    assert capsys.readouterr().out == "optim_wrapper.optimizer.lr: 0.1 -> 0.2\n"
    assert main(["config", "resnet50_8xb32_in1k", "--diff"]) == 0
    assert capsys.readouterr().out == ""


def test_settings_that_only_one_has():
    before = {"a": [{"x": 1}, {"y": (1, 2)}], "b": {}}
    after = {"a": [{"x": 1}, {"y": (1, 3)}, {"z": 0}], "c": None}
    assert list(differences(before, after)) == [
        "a.1.y: (1, 2) -> (1, 3)",
        "b: {} -> (absent)",
        "a.2.z: (absent) -> 0",
        "c: (absent) -> None",
    ]


def test_a_mistake_is_one_line(capsys):
    assert main(["config", "resnet51_8xb32_in1k"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
