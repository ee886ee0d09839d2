"""The command that lists and runs the benchmarks."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mmresnet.cli.main import main

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.name[0] != "_")


def test_every_benchmark_is_listed_with_its_first_line(capsys):
    assert main(["benchmark"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [path.stem for path in SCRIPTS]
    for path, line in zip(SCRIPTS, lines, strict=True):
        first = ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]
        assert line.split(maxsplit=1)[1] == first.rstrip(".")


def test_an_unknown_one_gets_the_nearest(capsys):
    assert main(["benchmark", "trainin"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("There is no benchmark 'trainin'. Did you mean 'training'?")


@pytest.mark.parametrize(
    ("name", "help_words", "wrong", "error"),
    [
        ("shards", "a tar file of JPEG images", ["tar", "a.tar"], "invalid choice: 'tar'"),
        pytest.param(
            *("summary", "rounds of each", ["trainin"], "there is no trainin: choose from"),
            marks=pytest.mark.full,  # it imports torch
        ),
    ],
)
def test_arguments_are_the_benchmarks_own_and_its_exit_code_is_returned(
    name, help_words, wrong, error
):
    def run(*arguments):
        command = [sys.executable, "-m", "mmresnet", "benchmark", name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)

    done = run("--help")
    assert done.returncode == 0, done.stderr
    assert help_words in done.stdout
    done = run(*wrong)
    assert done.returncode == 2
    assert error in done.stderr
