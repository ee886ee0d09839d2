"""mmresnet ensemble: the table by hand, all subsets, a submission, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmresnet.cli.main import main
from mmresnet.datasets.class_scores import ClassScores, load, save

IDS = [f"n0000000{i}" for i in range(6)]
# the three images are of the classes 0, 1 and 2; each member is wrong about one of them
FIRST = [[0.9, 0.1, 0, 0, 0, 0], [0.4, 0.6, 0, 0, 0, 0], [0.5, 0.2, 0.3, 0, 0, 0]]
SECOND = [[0.2, 0.8, 0, 0, 0, 0], [0.0, 0.8, 0.2, 0, 0, 0], [0.0, 0.2, 0.8, 0, 0, 0]]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, scores, labels=(0, 1, 2), images=("a/3.jpg", "b/1.jpg", "b/2.jpg")):
        of_images = None if labels is None else np.array(labels)
        test = {"protocol": "dense", "scales": [224, 256]}
        save(name, ClassScores(np.array(scores), list(images), IDS, of_images, test))
        return name

    return write


def run(capsys, *arguments):
    """Return the exit code and the lines of the output, or of the error."""
    code = main(["ensemble", *arguments])
    out, err = capsys.readouterr()
    return code, (err if code else out).splitlines()


def test_the_table(files, capsys):
    names = files("x.npz", FIRST), files("y.npz", SECOND)
    assert run(capsys, *names) == (
        0,
        [
            "3 images of 6 classes",
            "member                    top-1 error  top-1 accuracy  top-5 error  top-5 accuracy",
            "1  x.npz (dense 224 256)       33.33%          66.67%        0.00%         100.00%",
            "2  y.npz (dense 224 256)       33.33%          66.67%        0.00%         100.00%",
            "average of 2                    0.00%         100.00%        0.00%         100.00%",
        ],
    )
    code, lines = run(capsys, *names, "--weights", "1", "3")
    assert code == 0
    assert lines[-1].split()[:8] == ["average", "of", "2", "with", "weights", "1", "3", "33.33%"]


def test_all_subsets(files, capsys):
    names = files("x.npz", FIRST), files("y.npz", SECOND), files("z.npz", SECOND)
    code, lines = run(capsys, *names, "--subsets")
    assert code == 0
    start = lines.index("7 subsets, the lowest top-1 error first")
    rows = [line.split()[:2] for line in lines[start + 2 :]]
    # of 1 and 2 twice, the first image's scores are 1.3 and 1.7: wrong
    assert rows == [
        *(["1+2", "0.00%"], ["1+3", "0.00%"], ["1", "33.33%"], ["1+2+3", "33.33%"]),
        *(["2", "33.33%"], ["2+3", "33.33%"], ["3", "33.33%"]),
    ]


def test_the_average_as_a_file(files, capsys):
    names = files("x.npz", FIRST), files("y.npz", SECOND)
    weighted = [*names, "--weights", "1", "3", "--out", "both.npz"]
    code, lines = run(capsys, *weighted)
    assert (code, lines[-1]) == (0, "Wrote both.npz: the average of 2")
    found = load("both.npz")
    np.testing.assert_allclose(found.scores, np.array(FIRST) / 4 + 0.75 * np.array(SECOND))
    assert (found.images, found.classes) == (["a/3.jpg", "b/1.jpg", "b/2.jpg"], IDS)
    assert found.labels.tolist() == [0, 1, 2]
    assert [one["protocol"] for one in found.test["ensemble"]] == ["dense", "dense"]
    assert run(capsys, *weighted)[0] == 0  # the same again
    code, lines = run(capsys, *names, "--out", "both.npz")
    assert code == 2
    assert "--out: 'both.npz' has the scores of another test" in lines[0]


def test_a_submission(files, capsys, tmp_path):
    names = files("x.npz", FIRST, None), files("y.npz", SECOND, None)
    rows = [f"{name} {6 - index} word" for index, name in enumerate(IDS)]  # 6 5 4 3 2 1
    (tmp_path / "map.txt").write_text("\n".join(rows))
    code, lines = run(capsys, *names, "--submission", "answer.txt", "--devkit-labels", "map.txt")
    assert (code, lines) == (0, ["Wrote answer.txt: 3 images, in the order of their names"])
    # the averages of b/1, b/2 and a/3: .2 .7 .1, .25 .2 .55 and .55 .45 0, and zeros in order
    assert (tmp_path / "answer.txt").read_text() == "5 6 4 3 2\n4 6 5 3 2\n6 5 4 3 2\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x.npz", "none.npz"], "There is no file of class scores 'none.npz'"),
        (["x.npz", "x.npz"], "given twice"),
        (["x.npz", "y.npz", "--weights", "1"], "1 numbers for 2 members"),
        (["x.npz", "y.npz", "--submission", "a"], "needs --devkit-labels FILE"),
        (["unlabelled.npz"], "None of the members has labels"),
        (["x.npz", "two.npz"], "for 3 and 2 images"),
        ([f"{i}.npz" for i in range(13)] + ["--subsets"], "13 members have 8,191 subsets"),
    ],
)
def test_a_mistake_is_one_line(arguments, said, files, capsys):
    files("x.npz", FIRST)
    files("y.npz", SECOND)
    files("unlabelled.npz", FIRST, None)
    files("two.npz", FIRST[:2], (0, 1), ("a/3.jpg", "b/1.jpg"))
    code, lines = run(capsys, *arguments)
    assert code == 2
    assert len(lines) == 1
    assert said in lines[0]


def test_torch_is_not_imported(files):
    name = files("x.npz", FIRST)
    code = (
        "import sys; from mmresnet.cli.main import main\n"
        f"main(['ensemble', {name!r}]); print('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "False", done.stderr
