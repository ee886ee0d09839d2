"""The data of the demo recipes are written once."""

import pytest

from mmresnet.cli.main import main


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("digits", "1,437 images to train on and 360 held out"),
        pytest.param(
            *("scenes", "400 scenes to train on and 100 held out"), marks=pytest.mark.full
        ),
    ],
)
def test_data_are_written_once(name, counts, tmp_path, capsys):
    pytest.importorskip("sklearn")
    folder = str(tmp_path / "data")
    for done in ("Wrote", "Found"):
        assert main(["demo-data", name, folder]) == 0
        assert capsys.readouterr().out == f"{done} {counts} in {folder}.\n"
