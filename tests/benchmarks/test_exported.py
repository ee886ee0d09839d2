"""The table of exported models has the figures of its columns, and a process for each model."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

pytest.importorskip("torch")


@pytest.fixture
def exported(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("exported")


def test_a_row_has_latencies_speeds_and_the_ratio(exported):
    first = {1: [[0.02] * 10] * 2, 16: [[0.4], [0.4]]}
    own = {1: [[0.001] * 9 + [0.003], [0.001] * 10], 16: [[0.1], [0.2]]}
    assert exported.row(own, first) == ("1.0", "1.1", "1000.0", "106.7", "3.00")
    assert exported.row({1: own[1]}, {1: first[1]}) == ("1.0", "1.1", "1000.0", "–", "20.00")


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_that_is_no_export_is_named(folder, exported, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["exported.py", folder])
    with pytest.raises(SystemExit) as stopped:
        exported.main()
    assert stopped.value.code == 2
    assert f"'{folder}'" in capsys.readouterr().err
