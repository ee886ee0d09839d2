"""mmresnet calibrate: what it prints, and that the checkpoint is replaced."""

import numpy as np
import torch

from mmresnet.cli.main import main
from mmresnet.datasets.class_scores import ClassScores, save


def test_the_table(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"a": torch.zeros(1)}, "meta": {}}, "a.pth")
    # 300 of 400 images of each class are right, all with a score of 0.9: the best temperature T
    # gives 0.75, 9 ** (1 / T) = 3, so that T is 2. By chance no fold has exactly three quarters.
    scores = np.tile([[0.9, 0.1], [0.1, 0.9]], (400, 1))
    labels = np.tile([0, 1], 400)
    labels[:200] = 1 - labels[:200]
    images = [str(i) for i in range(800)]
    save("a.npz", ClassScores(scores, images, ["x", "y"], labels))
    assert main(["calibrate", "digits_resnet20", "a.pth", "--scores", "a.npz"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "800 images, accuracy 75.00%"
    assert lines[1] == "temperature 2.0000"
    before = lines[3].split()
    # 0.9 - 0.75; -0.75 log 0.9 - 0.25 log 0.1
    assert before == ["before", "15.00%", "90.00%", "0.6547"]
    assert lines[4].split()[0] == "after"
    assert float(lines[4].split()[1].rstrip("%")) < 3
    assert "Wrote a.pth." in lines[-1]
    meta = torch.load("a.pth", weights_only=True)["meta"]
    assert abs(meta["temperature"] - 2) < 1e-4


def test_mistakes_are_told_in_a_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, words in (
        (["digits_resnet20", "a.pth"], "There is no checkpoint at 'a.pth'"),
        (["digits_resnet20", "torchvision://resnet18"], "--out FILE.pth"),
    ):
        assert main(["calibrate", *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
    assert list(tmp_path.iterdir()) == []
