"""Which wheels tools/wheels.py collects, by packages that stand in for the installed ones."""

import pytest

from mmresnet.cli import command as cli
from mmresnet.errors import UserError


@pytest.fixture
def tool(load_tool):
    return load_tool("wheels")


def test_all_that_is_needed_on_that_python(tool, tmp_path, monkeypatch) -> None:
    needs = {
        "mmresnet": ["Root.One", "Two; extra == 'some'", "Three; extra == 'other'", "torch"],
        "root-one": ["Old; python_version < '3.11'", "new; python_version >= '3.11'"],
        "new": ["root_one[more]"],
        "two": ["mmresnet[some]"],
        "old": [],
    }
    for name, requirements in needs.items():
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        lines = [f"Requires-Dist: {one}\n" for one in requirements]
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{''.join(lines)}")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert tool.closure(["mmresnet[some]"], "3.12") == ["new", "root-one", "two"]
    assert tool.closure(["mmresnet"], "3.10") == ["old", "root-one"]
    with pytest.raises(UserError, match="'three' is not installed here"):
        tool.closure(["mmresnet[other]"], "3.12")


def test_the_size_is_limited(tool, tmp_path, monkeypatch) -> None:
    (tmp_path / "small.whl").write_bytes(bytes(10**5))
    (tmp_path / "large.whl").write_bytes(bytes(2 * 10**6))
    assert tool.check_size(tmp_path) == {"small.whl": 10**5, "large.whl": 2 * 10**6}
    monkeypatch.setattr(tool, "LIMIT", 10**6)
    with pytest.raises(UserError, match=r"2\.1 MB, more than 1: .* large\.whl 2\.0 MB, small"):
        tool.check_size(tmp_path)


def test_error_messages(tool, tmp_path, capsys, monkeypatch) -> None:
    assert cli.run(tool.main, ["--python", "312"]) == 2
    assert "--python takes a version as in 3.12, not '312'" in capsys.readouterr().err
    assert cli.run(tool.main, ["--out", str(tmp_path)]) == 2
    assert f"'{tmp_path}' exists: remove it" in capsys.readouterr().err
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(
        UserError, match=r"^pip download: ERROR: No matching .* found for nosuch==1"
    ):
        tool.download(["nosuch==1"], "3.12", "x86_64", tmp_path)
