"""The operators in place of ``mmcv._ext``: when they are used, and which are missing."""

import ast
import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

import mmresnet.ops
from mmresnet.ops import MissingOperator, has_compiled_operators, install, table

stand_in_only = pytest.mark.skipif(
    has_compiled_operators(), reason="mmcv is compiled here and stays in use"
)
MMCV_OPS = Path(importlib.util.find_spec("mmcv").origin).parent / "ops"

FRESH = """
import sys
import mmresnet.ops
loaded = {"torch", "mmcv", "torchvision", "mmengine"} & set(sys.modules)
assert not loaded, loaded
try:
    import mmcv.ops
except ModuleNotFoundError as error:
    assert error.name == "mmcv._ext", error
else:
    raise AssertionError("mmcv is compiled")
assert not mmresnet.ops.has_compiled_operators()
import mmresnet.ops.auto
import mmcv.ops
from mmcv.utils import collect_env
print(collect_env()["MMCV Compiler"], collect_env()["MMCV CUDA Compiler"])
"""


@stand_in_only
def test_a_fresh_process_gets_the_operators_by_one_import() -> None:
    """Also after mmcv has tried to import them, as ``mmcv.cnn`` does."""
    run = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert re.search(r"none: mmresnet\.ops on torchvision \S+ (\d+\.\d|not available)$", run.stdout)


@pytest.mark.full
@stand_in_only
def test_installing_after_mmpretrain_is_imported() -> None:
    pytest.importorskip("mmdet")
    pytest.importorskip("mmpretrain")
    script = (
        "import mmresnet.registry, mmcv.cnn.bricks.transformer as bricks\n"
        "assert not hasattr(bricks, 'MultiScaleDeformableAttention')\n"
        "import mmpretrain.models, mmresnet.ops\n"
        "mmresnet.ops.install()\n"
        "import mmdet.models\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@stand_in_only
def test_installing_again_changes_nothing() -> None:
    assert install()
    module = sys.modules["mmcv._ext"]
    nms = module.nms
    assert install()
    assert sys.modules["mmcv._ext"] is module
    assert module.nms is nms
    assert sys.modules["mmcv"]._ext is module


@stand_in_only
def test_mmengine_finds_the_operators() -> None:
    from mmengine.utils.dl_utils.misc import mmcv_full_available

    install()
    assert importlib.util.find_spec("mmcv._ext").loader is not None
    assert mmcv_full_available()


def test_a_compiled_mmcv_that_is_loaded_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = ModuleType("mmcv._ext")
    monkeypatch.setitem(sys.modules, "mmcv._ext", compiled)
    assert has_compiled_operators()
    assert not install()
    assert sys.modules["mmcv._ext"] is compiled


def test_a_compiled_mmcv_that_is_not_loaded_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import mmcv

    (tmp_path / "_ext.py").touch()
    monkeypatch.setattr(mmcv, "__path__", [*mmcv.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "mmcv._ext", raising=False)
    assert not install()
    assert "mmcv._ext" not in sys.modules


def used_by_mmcv() -> set[str]:
    """Every name that a file of ``mmcv.ops`` loads from its extension."""
    names = set()
    for path in MMCV_OPS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "load_ext":
                names |= set(ast.literal_eval(node.args[1]))
    return names


def test_every_operator_that_mmcv_uses_is_in_a_table() -> None:
    names = used_by_mmcv()
    assert len(names) > 100
    assert set(table.PROVIDED) <= names
    for name in names - set(table.PROVIDED):
        assert any(name.startswith(prefixes) for prefixes in table.NEEDED_BY), name


def test_no_operator_is_in_both_tables() -> None:
    for name in table.PROVIDED:
        assert not any(name.startswith(prefixes) for prefixes in table.NEEDED_BY), name


@pytest.mark.parametrize("name", table.PROVIDED)
def test_parameters_are_those_of_the_compiled_operator(name: str) -> None:
    bindings = MMCV_OPS / "csrc" / "pytorch" / "pybind.cpp"
    if not bindings.exists():
        pytest.skip("this mmcv comes without the sources of its operators")
    statement = re.search(rf'm\.def\(\s*"{name}".*?\);', bindings.read_text(), re.DOTALL)[0]
    theirs = re.findall(r'py::arg\("(\w+)"\)', statement)
    assert list(inspect.signature(table.operator(name)).parameters) == theirs


@stand_in_only
def test_a_missing_operator_is_reported_with_what_needs_it_and_what_to_do() -> None:
    install()
    from mmcv.ops import carafe

    with pytest.raises(MissingOperator) as caught:
        carafe(torch.zeros(1, 4, 4, 4), torch.zeros(1, 25, 8, 8), 5, 1, 2)
    assert isinstance(caught.value, mmresnet.errors.UserError)
    assert isinstance(caught.value, NotImplementedError)
    message = str(caught.value)
    for part in ("'carafe_forward'", "FPN_CARAFE", "Install an mmcv with compiled operators"):
        assert part in message


def test_an_operator_of_a_later_mmcv_raises_only_when_it_is_called() -> None:
    function = table.operator("a_future_operator")
    with pytest.raises(MissingOperator, match=r"'a_future_operator'.*the layer of mmcv\.ops"):
        function(1, two=2)


def test_the_module_has_no_private_names() -> None:
    from mmresnet.compat.operators import Operators

    assert not hasattr(Operators("mmcv._ext"), "__path__")
    assert not hasattr(Operators("mmcv._ext"), "_anything")
