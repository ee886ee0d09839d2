"""Errors that a user can act on."""

import sys

import pytest

from mmresnet import errors
from mmresnet.errors import did_you_mean, require


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("UserValueError", ValueError),
        ("UserTypeError", TypeError),
        ("UserKeyError", KeyError),
        ("UserFileNotFoundError", FileNotFoundError),
        ("MissingPackageError", ImportError),
    ],
)
def test_the_kinds_of_user_errors_are_builtin_errors_too(kind, builtin) -> None:
    error = getattr(errors, kind)("There is no 'x'.")
    assert isinstance(error, errors.UserError)
    assert isinstance(error, builtin)
    assert str(error) == "There is no 'x'."


@pytest.mark.parametrize(
    ("given", "allowed", "expected"),
    [
        ("ResNte", ["ResNet", "ResNetV1d"], " Did you mean 'ResNet'?"),
        (51, [18, 34, 50], " Did you mean '50'?"),
        (49, [18, 34, 50, 101], " Did you mean '50'?"),
        ("resnet", [], ""),
        ("swin", ["ResNet"], ""),
    ],
)
def test_the_nearest_name_is_suggested(given, allowed, expected) -> None:
    assert did_you_mean(given, allowed) == expected


def test_an_installed_package_is_returned() -> None:
    assert require("json", "The test") is sys.modules["json"]


def test_a_missing_package_is_named_with_its_use_and_how_to_install_it() -> None:
    with pytest.raises(ImportError, match=r"^Detection needs .*'no_such_package'.*pip install"):
        require("no_such_package", "Detection")


@pytest.mark.parametrize("name", ["broken_package", "broken_package.part"])
def test_a_missing_dependency_of_a_package_is_reported_as_it_is(
    tmp_path, monkeypatch, name: str
) -> None:
    folder = tmp_path / "broken_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("" if "." in name else "import its_dependency\n")
    (folder / "part.py").write_text("import its_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("broken_package", "broken_package.part"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ModuleNotFoundError, match="its_dependency") as caught:
        require(name, "The test")
    assert caught.value.name == "its_dependency"
    sys.modules.pop("broken_package", None)
