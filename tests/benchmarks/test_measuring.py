"""What the benchmarks share computes what their tables say, and each prints its help."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """``load(name)`` imports ``benchmarks/<name>.py`` as the scripts import one another."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def test_cases_are_called_in_turn_and_the_first_round_is_not_counted(load):
    called = []
    cases = {name: lambda name=name: called.append(name) for name in "ab"}
    times = load("_measuring").in_turn(cases, 2, before=lambda name: called.append(name.upper()))
    assert "".join(called) == "AaBb" * 3
    assert {name: len(own) for name, own in times.items()} == {"a": 2, "b": 2}


def test_no_round_begins_after_the_time_is_over_but_one_is_counted(load):
    called = []
    times = load("_measuring").in_turn({"a": lambda: called.append(1)}, 9, seconds=0)
    assert (len(called), len(times["a"])) == (2, 1)


def test_the_ratio_is_the_median_of_those_of_the_rounds(load):
    times = {"first": [(2, 8), (4, 8), (90, 8)], "second": [(1, 2), (1, 2), (1, 2)]}
    found = load("_measuring").median_and_ratio(times)
    assert found == {"first": (4, 1), "second": (1, 4)}
    assert load("_measuring").median_and_ratio(times, clock=1)["second"] == (2, 4)


def test_the_exponent_is_the_slope_of_the_last_two_points(load):
    exponent = load("growth").exponent
    assert exponent([1, 10, 100], [5, 7, 70]) == pytest.approx(1)
    assert exponent([1, 2, 4], [5, 3, 12]) == pytest.approx(2)


def test_the_summary_reads_the_tables(load):
    cell = load("summary").cell
    printed = """
| step of (n=5) | s | images/s |
|---|---|---|
| mmdet | 5.902 | 1,234.5 |
| **mmresnet** | 1.40 / 1.472 | 3 |

| other | s |
|---|---|
| mmpretrain | 7 |
"""
    assert cell(printed, "mmdet", "images/s") == 1234.5
    assert cell(printed, r"\*\*mmresnet\*\*", "s") == 1.472
    assert cell(printed, "mmpretrain", "s") == 7
    assert cell(printed, "mmpretrain", "images/s") is None
    assert cell(printed, "timm", "s") is None


def test_each_row_of_the_summary_is_of_a_benchmark_that_there_is(load):
    names = {row.command.split()[0] for row in load("summary").ROWS}
    assert [name for name in names if not (FOLDER / f"{name}.py").is_file()] == []


def test_images_are_written_for_the_loaders(load, tmp_path):
    load("_data").write_jpegs(tmp_path, 6, different=4)
    files = sorted((tmp_path / "train").rglob("*.jpg"))
    assert [path.parent.name for path in files] == ["a"] * 3 + ["b"] * 3
    assert len({path.stat().st_ino for path in files}) == 4


@pytest.mark.full
@pytest.mark.parametrize("path", sorted(FOLDER.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_each_prints_its_help(path):
    done = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
