"""A config can name parts of mmresnet without an import, whichever registry builds it."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

BUILD = """
import sys
import torch
from {package}.registry import MODELS
assert "mmresnet" not in sys.modules
{prepare}
net = MODELS.build({{"type": "mmresnet.ResNet", "depth": 18}}).eval()
assert type(net).__module__.startswith("mmresnet.models.backbones")
torch.set_num_threads(1)
print(tuple(net(torch.ones(1, 3, 32, 32))[-1].shape))
"""

LIGHT = """
import sys
import mmresnet
print(sorted({"torch", "numpy", "mmengine", "mmcv", "mmpretrain", "mmdet"} & set(sys.modules)))
"""

APPLIES_PATCHES = """
from mmengine.registry import MODELS, OPTIM_WRAPPERS
import torch
optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=0.1)
print(type(OPTIM_WRAPPERS.build({"type": "mmresnet.AmpOptimWrapper", "optimizer": optimizer})))
from mmresnet import compat
print(sorted(compat._applied) != [])
"""

FOUND_BY_NAME = """
from mmresnet import registry
unknown = []
for name, kind in {classes}:
    known = getattr(registry, kind)
    if name not in getattr(known, "_modules", ()):  # it is where the registry looks by itself
        known.get("mmresnet.Nothing")
        if name not in known.module_dict:
            unknown.append(name)
print(unknown)
"""


def run(code: str) -> str:
    """Run ``code`` in a process that has imported nothing, and return its last line."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "package",
    [
        pytest.param("mmengine", marks=pytest.mark.full),
        pytest.param("mmpretrain", marks=pytest.mark.full),
        "mmdet",
    ],
)
def test_any_registry_builds_our_net(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    # mmdet's own models need mmcv's compiled operators, ours do not
    prepare = "MODELS._imported = True" if package == "mmdet" else ""
    assert run(BUILD.format(package=package, prepare=prepare)) == "(1, 512, 1, 1)"


def test_naming_a_part_of_training_applies_the_patches() -> None:
    assert run(APPLIES_PATCHES) == "True"


def test_every_part_is_found_by_its_name_alone() -> None:
    pattern = re.compile(r"^@([A-Z_]+)\.register_module\(\)\n(?:@.*\n)*class (\w+)", re.MULTILINE)
    classes = [
        (name, registry)
        for path in (REPOSITORY / "mmresnet").rglob("*.py")
        for registry, name in pattern.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(classes) > 60
    assert run(FOUND_BY_NAME.format(classes=classes)) == "[]"


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert run(LIGHT) == "[]"


def test_our_registries_are_children_of_mmengines() -> None:
    from mmengine.registry import MODELS as MMENGINE_MODELS

    from mmresnet.registry import MODELS

    assert MODELS.parent is MMENGINE_MODELS
    assert MODELS.scope == "mmresnet"
    with pytest.raises(KeyError, match="ResNte"):
        MODELS.build({"type": "mmresnet.ResNte"})


PARTS_OF_MMDET = """
import sys
sys.modules[{absent!r}] = None  # as if it were not installed
from mmengine.registry import {registry}
import mmresnet.registry
import mmresnet.datasets, mmresnet.evaluation
from mmresnet.registry import DATASETS, METRICS
print(DATASETS.get("CocoDatset"), METRICS.get("Accuracy") is None)
try:
    {registry}.build({{"type": "mmresnet.{name}"}})
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("registry", "name", "absent"),
    [
        pytest.param("DATASETS", "CocoDataset", "mmdet", marks=pytest.mark.full),
        pytest.param("METRICS", "CocoMetric", "mmdet", marks=pytest.mark.full),
        ("METRICS", "CocoMetric", "faster_coco_eval"),
    ],
)
def test_parts_for_detection_name_the_missing_package(
    registry: str, name: str, absent: str
) -> None:
    if absent != "mmdet":
        pytest.importorskip("mmdet")
    message = run(PARTS_OF_MMDET.format(registry=registry, name=name, absent=absent))
    assert message.startswith(
        f"mmresnet.{name} needs the package '{absent}', which is not installed"
    )
    assert "pip install -e '.[openmmlab]'" in message


@pytest.mark.full
def test_parts_for_detection_are_found_in_mmdets_registries() -> None:
    pytest.importorskip("mmdet")
    code = (
        "import mmresnet.ops.auto\n"
        "from mmdet.registry import DATASETS, LOOPS, METRICS\n"
        "found = [DATASETS.get('mmresnet.CocoDataset'), METRICS.get('mmresnet.CocoMetric'),"
        " LOOPS.get('mmresnet.ValLoop')]\n"
        "print(*(one.__module__ for one in found))\n"
    )
    assert run(code).split() == [
        "mmresnet.datasets.coco.dataset",
        "mmresnet.evaluation.detection.coco_metric",
        "mmresnet.engine.val_loop",
    ]
