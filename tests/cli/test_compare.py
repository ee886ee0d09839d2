"""mmresnet compare: the tables in the terminal, and what it refuses."""

import numpy as np
import pytest

from mmresnet.cli.main import main
from mmresnet.datasets.class_scores import ClassScores, save

pytest.importorskip("plotly")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two tests of 40 images; the second gets 12 right that the first does not, and 2 less."""
    monkeypatch.chdir(tmp_path)
    names = [f"{i:02}.png" for i in range(40)]
    rights = (np.arange(40) < 22, (np.arange(40) >= 2) & (np.arange(40) < 34))
    for name, right in zip(("small", "large"), rights, strict=True):
        scores = np.stack([right, ~right], axis=1)
        (tmp_path / name / "predictions").mkdir(parents=True)
        kept = ClassScores(scores, names, ["cat", "dog"], np.zeros(40, int))
        save(tmp_path / name / "predictions" / "test.npz", kept)
    return ["small", "large"]


def test_the_tables(runs, capsys):
    assert main(["compare", *runs, "--out", "page.html"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "40 images (test) of 2 classes",
        "run    top-1, %",
        "small     55.00",
        "large     80.00",
    ]
    assert lines[5].split("  ")[0] == "first"
    row = lines[6].split()
    assert row[:3] == ["small", "large", "+25.00"]
    assert row[6:8] == ["2", "12"]
    assert lines[7] == "large is better than small (p 0.0074)."
    assert lines[-1].startswith("Wrote page.html (")


def test_refused(runs, capsys):
    assert main(["compare", "small"]) == 2
    assert "two or more different runs" in capsys.readouterr().err
    assert main(["compare", *runs, "--out", "gone/page.html"]) == 2
    assert "there is no folder 'gone'" in capsys.readouterr().err
    assert main(["compare", "small", "lost"]) == 2
    assert "There is no folder 'lost'" in capsys.readouterr().err
