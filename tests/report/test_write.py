"""Writing a report: in place of the last one, and whatever a part of it does."""

import pytest

from mmresnet.errors import UserError
from mmresnet.report import write
from mmresnet.report.write import write_report


def test_the_last_report_is_replaced(make_run):
    folder = make_run()
    (folder / "report.html").write_text("old")
    path = write_report(folder)
    assert path == folder / "report.html"
    text = path.read_text(encoding="utf-8")
    assert "<title>digits_resnet20</title>" in text
    assert "could not be made" not in text
    assert not [one for one in folder.iterdir() if one.name.startswith(".")]


def test_a_part_that_fails_costs_no_other(make_run, monkeypatch):
    def fail(run, images):
        raise ZeroDivisionError("<by zero>")

    monkeypatch.setitem(write.PARTS, "Curves", fail)
    text = write_report(make_run()).read_text(encoding="utf-8")
    assert "This part could not be made. ZeroDivisionError: &lt;by zero&gt;" in text
    assert '<section id="settings">' in text


def test_a_report_that_cannot_be_written_leaves_the_last(make_run, monkeypatch):
    folder = make_run()
    (folder / "report.html").write_text("old")
    monkeypatch.setattr(write, "assemble", lambda *_: "\ud800")  # no UTF-8
    with pytest.raises(UnicodeEncodeError):
        write_report(folder)
    assert (folder / "report.html").read_text() == "old"
    assert not [one for one in folder.iterdir() if one.name.startswith(".")]


def test_no_run_no_report(tmp_path):
    with pytest.raises(UserError, match="is not the folder of a run"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []
