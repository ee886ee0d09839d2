"""Fixtures that tests of several files in this folder share."""

from pathlib import Path

import pytest

from mmresnet.datasets import index_files


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that takes files and folders which have just been changed."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(index_files.VARIABLE, str(folder))
    monkeypatch.setattr(index_files, "_RESOLUTION", 0)
    return folder
