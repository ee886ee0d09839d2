"""The command ``mmresnet propose``: what is wrong is told in a line."""

import pytest

from mmresnet.cli.main import main

RECIPE = "digit-localization_resnet20_rpn"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no_recipe", "a.pth", "out"], "no_recipe"),
        ([RECIPE, "a.pth", "out"], "a.pth"),
        ([RECIPE, "a.pth", "out", "--count", "0"], "--count 0: give at least 1."),
        ([RECIPE, "a.pth", "out", "--batch-size", "0"], "--batch-size 0: give at least 1."),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["propose", *arguments]) != 0
    error = capsys.readouterr().err.strip().splitlines()
    assert words in error[-1]
    assert list(tmp_path.iterdir()) == []
