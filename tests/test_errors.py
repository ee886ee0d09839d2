"""What mistakes are told with."""

import sys

import pytest

from mmresnet.errors import did_you_mean, require


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


def test_a_package_that_is_there_is_returned() -> None:
    assert require("json", "The test") is sys.modules["json"]


def test_a_missing_package_is_named_with_its_use_and_the_way_to_get_it() -> None:
    with pytest.raises(ImportError, match=r"^Detection needs .*'no_such_peer'.*pip install"):
        require("no_such_peer", "Detection")


@pytest.mark.parametrize("name", ["lame_peer", "lame_peer.part"])
def test_what_a_package_misses_itself_is_not_laid_to_the_package(
    tmp_path, monkeypatch, name: str
) -> None:
    folder = tmp_path / "lame_peer"
    folder.mkdir()
    (folder / "__init__.py").write_text("" if "." in name else "import what_it_misses\n")
    (folder / "part.py").write_text("import what_it_misses\n")
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("lame_peer", "lame_peer.part"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(ModuleNotFoundError, match="what_it_misses") as told:
        require(name, "The test")
    assert told.value.name == "what_it_misses"
    sys.modules.pop("lame_peer", None)
