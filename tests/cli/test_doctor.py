"""The report of the environment, in processes that lack a package."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmresnet.cli import doctor
from mmresnet.ops.table import PROVIDED

ROOT = Path(__file__).parents[2]


@functools.cache
def report(preparation: str) -> subprocess.CompletedProcess:
    start = "from mmresnet.cli.main import main\nsys.exit(main(['doctor']))"
    code = f"import sys\n{preparation}\n{start}"
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("absent", ["mmdet", pytest.param(None, marks=pytest.mark.full)])
def test_what_is_here_is_reported(absent):
    import torch

    done = report(f"sys.modules[{absent!r}] = None" if absent else "")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line[:17].strip(): line[18:] for line in done.stdout.splitlines()}
    assert rows["torch"] == f"torch {torch.__version__.partition('+')[0]}"
    assert rows["family"] in (doctor.ORIGINALS, doctor.FORKS)
    assert rows["mmcv"].startswith(("mmcv", "onedl-mmcv"))
    assert rows["mmcv's operators"].startswith((f"{len(PROVIDED)} of mmresnet.ops", "mmcv's own"))
    assert "process groups without a GPU" in rows["patches"]
    assert {"GPU", "CPU", "threads", "trains on CPUs in"} <= rows.keys()


@pytest.mark.parametrize(
    ("package", "extra", "code"),
    [
        ("mmdet", "openmmlab|onedl", 0),
        pytest.param("matplotlib", "demo", 0, marks=pytest.mark.full),
        ("torch", "", 1),
    ],
)
def test_what_is_missing_is_reported_with_the_command(package, extra, code):
    done = report(f"sys.modules[{package!r}] = None")
    assert done.returncode == code, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if f"{package} is missing" in line]
    installs = [f"pip install -e '{ROOT}{f'[{one}]' if one else ''}'" for one in extra.split("|")]
    assert any(line.endswith(command) for command in installs), line


@pytest.mark.full
def test_a_package_that_cannot_be_imported_is_reported(tmp_path):
    (tmp_path / "mmdet.py").write_text("raise AssertionError('MMCV==9.0.0 is used')")
    done = report(f"sys.path.insert(0, {str(tmp_path)!r})")
    assert done.returncode == 1
    assert "mmdet cannot be imported: AssertionError: MMCV==9.0.0 is used" in done.stdout


def test_two_families_and_the_forks_extras(monkeypatch):
    found = {name for name in doctor.PACKAGES if name != "mmdet"}
    (problem,) = doctor._problems(found, {}, {doctor.FORKS})
    assert problem.endswith("[onedl]'")
    both, _ = doctor._problems(found, {}, {doctor.FORKS, doctor.ORIGINALS})
    assert "uninstall both" in both
    monkeypatch.setattr(doctor.mmresnet, "__file__", "/site-packages/mmresnet/__init__.py")
    assert doctor._install_command("demo") == "pip install 'mmresnet[demo]'"
