"""Figures: what is refused."""

import sys

import pytest

from mmresnet.errors import MissingPackageError, UserError
from mmresnet.visualization.figure import new_figure, save


def test_without_matplotlib_the_message_gives_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match="pip install matplotlib"):
        new_figure(1.0, 1.0)


def test_a_file_of_an_unknown_format_is_refused(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(UserError, match=r"must end in one of .*\.png"):
        save(new_figure(1.0, 1.0), tmp_path / "curves.doc")
