"""A config that names a part of mmresnet's needs no import, whoever's registry builds it."""

import importlib.util
import os
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

BRINGS_MENDS = """
from mmengine.registry import MODELS, OPTIM_WRAPPERS
import torch
optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=0.1)
print(type(OPTIM_WRAPPERS.build({"type": "mmresnet.AmpOptimWrapper", "optimizer": optimizer})))
from mmresnet import upstream
print(sorted(upstream._applied) != [])
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


@pytest.mark.parametrize("package", ["mmengine", "mmpretrain", "mmdet"])
def test_any_registry_builds_our_net_unasked(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    # mmdet's own nets want the compiled operators of mmcv, which ours do without
    prepare = "MODELS._imported = True" if package == "mmdet" else ""
    assert run(BUILD.format(package=package, prepare=prepare)) == "(1, 512, 1, 1)"


def test_a_training_part_is_found_and_brings_the_mends() -> None:
    assert run(BRINGS_MENDS) == "True"


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert run(LIGHT) == "[]"


def test_our_scope_falls_back_on_mmengine() -> None:
    from mmengine.registry import MODELS as MMENGINE_MODELS

    from mmresnet.registry import MODELS

    assert MODELS.parent is MMENGINE_MODELS
    assert MODELS.scope == "mmresnet"
    with pytest.raises(KeyError, match="ResNte"):
        MODELS.build({"type": "mmresnet.ResNte"})
