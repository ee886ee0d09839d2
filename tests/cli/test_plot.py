"""Plots of what there is, and one line about what there is not."""

import json

import pytest

from mmresnet.cli.main import main


def test_curves(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    log = tmp_path / "run" / "20250101_000000" / "vis_data" / "scalars.json"
    log.parent.mkdir(parents=True)
    steps = [{"lr": 0.1, "loss": 1 / n, "epoch": 1, "iter": n, "step": n} for n in (1, 2, 3)]
    log.write_text("\n".join(map(json.dumps, steps)))
    picture = tmp_path / "curves.png"
    assert main(["plot", "curves", str(tmp_path / "run"), str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out == f"Wrote {picture}.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["curves", "nothing", "a.png"], "nothing"),
        (["predictions", "nosuch", "a.pth", "a.png"], "There is no checkpoint at 'a.pth'"),
        (["detections", "nothing.json", "nothing.json", "a.png"], "nothing.json"),
    ],
)
def test_a_mistake_is_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plot", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
