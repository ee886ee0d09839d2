"""The page of a comparison, in a browser, with names that are scripts."""

import pytest

from mmresnet.report.compare.write import write_comparison

HOSTILE = "<script>alert(1)<script>"


def test_classifiers_in_a_browser(classifier, tmp_path, open_page):
    folders = [classifier("a", wrong=[0, 3]), classifier(HOSTILE, wrong=[1, 2, 3])]
    found = write_comparison(folders, tmp_path / "compare.html")
    page = open_page(found.path)
    cards = page.locator("#disagreements .card")
    assert cards.count() == 3
    page.locator("select[data-filter=Right]").select_option(label=f"{HOSTILE} (1)")
    assert cards.count() == 1
    page.locator("#curves").scroll_into_view_if_needed()
    page.wait_for_selector("#curves .main-svg")
    assert page.locator("#settings").count() == 1
    narrow = open_page(found.path, width=390)
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_predictions(make_run, tmp_path):
    found = write_comparison([make_run("a"), make_run("b")], tmp_path / "compare.html")
    assert (found.pairs, found.settings) == ((), [])
    assert "no predictions that all of these runs have" in found.path.read_text()


@pytest.mark.parametrize("kind", ["classifier", "detector"])
def test_what_is_returned(kind, request, tmp_path):
    make = request.getfixturevalue(kind)
    found = write_comparison([make("a"), make("b", range(9))], tmp_path / "compare.html")
    assert len(found.pairs) == 1
    (values,) = found.figures.values()
    assert values[0] > values[1]
