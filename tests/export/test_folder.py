"""Where an export may be written, and what an exported folder is."""

import json
import os

import pytest

from mmresnet.errors import UserError
from mmresnet.export.folder import FORMAT, check_out, new_folder, open_export


def write_export(folder):
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({"format": FORMAT, "target": "onnx"}))
    return folder


def test_an_exported_folder_is_replaced_only_by_force(tmp_path):
    out = write_export(tmp_path / "out")
    with pytest.raises(UserError, match="replace it with --force"):
        check_out(out, force=False)
    check_out(out, force=True)
    with new_folder(out) as folder:
        (folder / "new").touch()
        assert (out / "report.json").exists()
    assert os.listdir(out) == ["new"]
    assert os.listdir(tmp_path) == ["out"]


def test_other_files_are_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").touch()
    for out, said in ((tmp_path, "no exported model"), (tmp_path / "thesis.txt", "is a file")):
        with pytest.raises(UserError, match=said):
            check_out(out, force=True)
    check_out(tmp_path / "new", force=False)
    (tmp_path / "empty").mkdir()
    check_out(tmp_path / "empty", force=False)
    with new_folder(tmp_path / "empty") as folder:
        (folder / "new").touch()
    assert os.listdir(tmp_path / "empty") == ["new"]


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), new_folder(tmp_path / "a" / "out") as folder:
        (folder / "half").touch()
        raise KeyError
    assert os.listdir(tmp_path / "a") == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    said = r"cannot be written: (Not a directory|File exists)"
    with pytest.raises(UserError, match=said), new_folder(tmp_path / "file" / "out"):
        pass


def test_only_an_exported_folder_is_opened(tmp_path):
    assert open_export(write_export(tmp_path / "out")).target.title == "ONNX"
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match=r"not an exported model|no folder"):
            open_export(folder)
    (tmp_path / "report.json").write_text("[1, 2")
    with pytest.raises(UserError, match="not an exported model"):
        open_export(tmp_path)
