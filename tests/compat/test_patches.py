"""Each patch: upstream still needs it, and it works."""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mmresnet.ops
import mmresnet.registry
from mmresnet import compat
from mmresnet.compat import installed_packages

REPOSITORY = Path(__file__).parents[2]
# these have test files of their own
ELSEWHERE = (
    compat.COMPILER,
    compat.UNUSED_PARTS,
    compat.FORMATTING,
    compat.DETECTORS,
    compat.WAITING,
    compat.CLASSIFIERS,
    compat.MULTIMODAL,
    compat.WEIGHTS,
    compat.DEVICE,
    compat.SAVING,
    compat.SAMPLERS,
    *compat.IN_SCRIPTS.values(),
)
NAMES = [patch.name for patch in compat.PATCHES if patch not in ELSEWHERE]


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What goes wrong for each patch, in fresh processes: ``{"alone": …, "patched": …}``."""
    without_gpu = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(REPOSITORY)}
    running = {}
    for kind, arguments in (("alone", []), ("patched", ["patched"])):
        folder = str(tmp_path_factory.mktemp(kind))
        running[kind] = subprocess.Popen(
            [sys.executable, str(REPOSITORY / "tests/compat/probe.py"), folder, *arguments],
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


def test_every_patch_is_probed(probes) -> None:
    assert list(probes["alone"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_upstream_still_needs_the_patch(probes, name: str) -> None:
    if "pkg_resources" in name and importlib.util.find_spec("pkg_resources"):
        pytest.skip("this setuptools still has pkg_resources, so that upstream works")
    if "pkg_resources" in name and installed_packages.is_installed("onedl-mmengine"):
        pytest.skip("the onedl-* fork does without pkg_resources by itself")
    if name == compat.OPERATORS.name and mmresnet.ops.has_compiled_operators():
        pytest.skip("mmcv is compiled here")
    assert probes["alone"][name] is not None, f"upstream works; remove '{name}'"


@pytest.mark.parametrize("name", NAMES)
def test_the_patch_works(probes, name: str) -> None:
    assert probes["patched"][name] is None


def test_patches_are_applied_once() -> None:
    before = list(compat._applied)
    compat.apply(*compat.ON_IMPORT)
    assert compat._applied == before
    assert set(before) <= {patch.name for patch in compat.PATCHES}
    assert NAMES[0] in before
