"""Each mend: upstream still needs it, and it works."""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mmresnet.registry  # noqa: F401  which applies the mends
from mmresnet import compat
from mmresnet.compat import installed_packages

REPOSITORY = Path(__file__).parents[2]
MEND_NAMES = [mend.name for mend in compat.MENDS]


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What goes wrong for each mend, in fresh processes: ``{"alone": …, "mended": …}``."""
    without_gpu = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(REPOSITORY)}
    running = {}
    for kind, arguments in (("alone", []), ("mended", ["mended"])):
        folder = str(tmp_path_factory.mktemp(kind))
        running[kind] = subprocess.Popen(
            [sys.executable, str(REPOSITORY / "tests/upstream/probe.py"), folder, *arguments],
            env=without_gpu,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    found = {}
    for kind, process in running.items():
        out, err = process.communicate()
        assert process.returncode == 0, err
        found[kind] = json.loads(out.splitlines()[-1])
    return found


def test_every_mend_is_probed(probes) -> None:
    assert list(probes["alone"]) == MEND_NAMES


@pytest.mark.parametrize("name", MEND_NAMES)
def test_upstream_still_needs_the_mend(probes, name: str) -> None:
    if "pkg_resources" in name and importlib.util.find_spec("pkg_resources"):
        pytest.skip("this setuptools still has pkg_resources, so that upstream works")
    if "pkg_resources" in name and installed_packages.is_installed("onedl-mmengine"):
        pytest.skip("the onedl-* fork does without pkg_resources by itself")
    assert probes["alone"][name] is not None, f"upstream has been mended; remove '{name}'"


@pytest.mark.parametrize("name", MEND_NAMES)
def test_the_mend_works(probes, name: str) -> None:
    assert probes["mended"][name] is None


def test_mends_are_applied_once() -> None:
    before = list(compat._applied)
    compat.apply()
    assert compat._applied == before
    assert set(before) <= set(MEND_NAMES)
    assert MEND_NAMES[0] in before
