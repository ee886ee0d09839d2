"""The findings are printed, and what differs from the base; the exit code is 1 for errors."""

import pytest

from mmresnet.cli.main import main

RECIPE = "resnet50_8xb32_in1k"


def exit_code(*arguments):
    with pytest.raises(SystemExit) as caught:
        main(["check-config", *map(str, arguments)])
    return caught.value.code


def test_errors_come_before_warnings_and_the_differences_last(tiny_images, capsys):
    options = [f"data_root={tiny_images}", "model.backbone.dept=18", "train_cfg.max_epochs=5"]
    options += ["num_classes=3", "optim_wrapper.optimizr.lr=1"]
    assert exit_code(RECIPE, "--cfg-options", *options) == 1
    found, _, changed = capsys.readouterr().out.partition("\nWhat differs from its base:\n")
    lines = found.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "error", "warning", "warning"]
    assert "no 'optimizr'" in lines[0]
    assert "Did you mean 'depth'?" in lines[1]
    assert "[30, 60, 90] lie at or behind the last of 5 epochs" in lines[2]
    assert "0.1 x 32 / 256 = 0.0125" in lines[3]
    assert "train_cfg.max_epochs: 100 -> 5" in changed.splitlines()
    assert "model.backbone.depth: (absent) -> 50" in changed.splitlines()


def test_a_right_config(tiny_images, capsys):
    options = [f"data_root={tiny_images}", "num_classes=3"]
    arguments = [RECIPE, "--nproc", "8", "--cfg-options", *options]
    assert main(["check-config", *arguments]) == 0
    assert capsys.readouterr().out.startswith("No mistakes found.\n")


def test_a_config_without_a_base(tmp_path, capsys):
    (tmp_path / "a.py").write_text("model = dict(type='ImageClassifer')\n")
    assert exit_code(tmp_path / "a.py") == 1
    out = capsys.readouterr().out
    assert "Did you mean 'ImageClassifier'?" in out
    assert "What differs" not in out


def test_a_file_that_is_not_python(tmp_path, capsys):
    (tmp_path / "a.py").write_text("model = \n")
    assert main(["check-config", str(tmp_path / "a.py")]) == 2
    assert "is not Python in line 1" in capsys.readouterr().err
