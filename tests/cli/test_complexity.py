"""Rows are printed, and the table is written as docs/model_complexity.md has it."""

from pathlib import Path

import pytest

from mmresnet.cli.main import main
from mmresnet.evaluation import complexity

TABLE = (Path(__file__).parents[2] / "docs" / "model_complexity.md").read_text(encoding="utf-8")


def test_rows_are_printed(capsys, tmp_path):
    assert main(["complexity", "--only", "CifarResNet-20", "--out", str(tmp_path / "a.md")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "| CifarResNet-20 | 32 | 0.27 | 0.04 |"
    assert not (tmp_path / "a.md").exists()  # a part is not the table


def test_several_names_select_rows_for_a_picture(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "new" / "a.png"
    assert (
        main(["complexity", "--only", "PlainNet-20", "CifarResNet-20", "--picture", str(picture)])
        == 0
    )
    rows = capsys.readouterr().out.splitlines()[2:-1]
    assert [row.split(" | ")[0] for row in rows] == ["| CifarResNet-20", "| CifarPlainNet-20"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_name_that_no_net_has(capsys):
    assert main(["complexity", "--only", "ResNeXt"]) == 2
    assert capsys.readouterr().err.startswith("No net has 'ResNeXt' in its name")


def test_the_table_is_written(monkeypatch, tmp_path):
    small = [net for net in complexity.nets() if net[0] == "CifarResNet-20"]
    monkeypatch.setattr(complexity, "nets", lambda: small)
    assert main(["complexity", "--out", str(tmp_path / "a.md")]) == 0
    written = (tmp_path / "a.md").read_text(encoding="utf-8")
    assert TABLE.startswith(complexity.HEADER + complexity.COLUMNS)
    assert (
        written == f"{complexity.HEADER}{complexity.COLUMNS}| CifarResNet-20 | 32 | 0.27 | 0.04 |\n"
    )
