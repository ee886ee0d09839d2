"""mmresnet browse: one file, and one line about mistakes."""

import pytest

pytest.importorskip("mmpretrain")
pytest.importorskip("plotly")

from mmresnet.cli.main import main


def test_a_page_is_written(tiny_images, tmp_path, capsys):
    out = tmp_path / "page.html"
    arguments = ["--set", "val", "--number", "2", "--out", str(out)]
    options = ["--cfg-options", f"data_root={tiny_images}", "num_classes=3"]
    assert main(["browse", "digits_resnet20", *arguments, *options]) == 0
    assert capsys.readouterr().out == f"Wrote {out}.\n"
    assert "digits_resnet20: what the net sees of val" in out.read_text()


def test_a_set_that_is_not_there(tmp_path, capsys):
    assert main(["browse", "digits_resnet20", "--set", "vla"]) == 2
    assert "no set 'vla': train, val, test. Did you mean 'val'" in capsys.readouterr().err
