"""Modules that are imported when they are used, and their stand-ins."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmresnet.compat.imports.deferred import ClassOf, defer, import_now, is_deferred

executed: list[str] = []
SOURCES = {
    "__init__": "from package_of_test import parts\nfrom package_of_test.parts import Part, one\n",
    "parts": "from package_of_test import others\ndef one(): return 1\nclass Part: kind = 'real'\n",
    "others": "import package_of_test\ndef two(): return package_of_test.one() + 1\n",
}
PACKAGE, PARTS = "package_of_test", "package_of_test.parts"


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package whose modules import one another, with stand-ins for two of them."""
    (tmp_path / PACKAGE).mkdir()
    for name, source in SOURCES.items():
        noted = f"from {__name__} import executed\nexecuted.append(__name__)\n{source}"
        (tmp_path / PACKAGE / f"{name}.py").write_text(noted)
    monkeypatch.syspath_prepend(str(tmp_path))
    finders = list(sys.meta_path)
    executed.clear()
    defer(PACKAGE, {PACKAGE: fill, PARTS: fill}, lambda: executed.append("before"))
    yield
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def fill(module: Any) -> None:
    module.one = lambda: 1 if is_deferred(PACKAGE) else import_now(PACKAGE).one()
    module.Part = ClassOf("Part", (), {"__module__": PACKAGE})


def test_what_a_stand_in_has_imports_nothing() -> None:
    package, parts = importlib.import_module(PACKAGE), importlib.import_module(PARTS)
    assert package.one() == parts.one() == 1
    assert package.parts is parts
    assert not isinstance(5, package.Part)
    assert package.__spec__.origin == package.__file__
    assert not hasattr(package, "__warningregistry__")
    assert executed == []
    assert is_deferred(PACKAGE)


def another_name() -> Any:
    return importlib.import_module(PACKAGE).others


def a_name_that_is_missing() -> Any:
    with pytest.raises(AttributeError, match="has no attribute 'three'"):
        _ = importlib.import_module(PARTS).three


def a_module() -> Any:
    assert importlib.import_module(f"{PACKAGE}.others").two() == 2


def a_module_that_is_missing() -> Any:
    with pytest.raises(ModuleNotFoundError, match=r"No module named .package_of_test\.three."):
        importlib.import_module(f"{PACKAGE}.three")


def an_instance() -> Any:
    part = importlib.import_module(PARTS).Part
    assert isinstance(part(), part)
    assert type(part()).kind == "real"


def a_subclass() -> Any:
    class Own(importlib.import_module(PACKAGE).Part):  # type: ignore[misc]
        def own(self) -> str:
            return super().kind

    assert Own().own() == "real"
    assert [kind.__name__ for kind in Own.__mro__] == ["Own", "Part", "object"]


def an_attribute() -> Any:
    assert importlib.import_module(PACKAGE).Part.kind == "real"


@pytest.mark.parametrize(
    "use",
    [
        another_name,
        a_name_that_is_missing,
        a_module,
        a_module_that_is_missing,
        an_instance,
        a_subclass,
        an_attribute,
        lambda: import_now(PACKAGE),
    ],
)
def test_what_it_lacks_imports_each_module_once(use: Callable[[], Any]) -> None:
    stand_in = importlib.import_module(PACKAGE)
    use()
    assert executed == ["before", PACKAGE, PARTS, f"{PACKAGE}.others"]
    assert not is_deferred(PACKAGE)
    real = sys.modules[PACKAGE]
    assert real is not stand_in
    assert importlib.import_module(PACKAGE) is real is import_now(PACKAGE)
    for name in ("parts", "others"):
        assert getattr(real, name) is sys.modules[f"{PACKAGE}.{name}"]
        assert Path(sys.modules[f"{PACKAGE}.{name}"].__spec__.origin).stem == name  # type: ignore
    assert stand_in.one() == 1
    assert stand_in.Part.real() is real.Part
    assert issubclass(real.Part, stand_in.Part)
    assert not issubclass(int, stand_in.Part)
    assert stand_in.others is real.others


def test_a_package_whose_import_fails_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / PACKAGE / "others.py").write_text("import no_such_package\n")
    package = importlib.import_module(PACKAGE)
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_package"):
            _ = package.others
