"""Reports in a real browser, with names from the data that are scripts."""

import numpy as np
import pytest

from mmresnet.report import page
from mmresnet.report.html import figure, table
from mmresnet.report.images import Images
from mmresnet.report.page import Section, assemble
from mmresnet.report.write import write_report

HOSTILE = (
    "<script>alert(1)</script>",
    '" onerror="alert(2)" x="',
    "</script><img src=x onerror=alert(3)>",
    "<!--<script>",
)
GALLERY = """report.section("g", (element, data) => {
  report.gallery(element.querySelector("div"), data.items);
});"""


@pytest.fixture
def page_of_parts(tmp_path, monkeypatch):
    """A page with a gallery, a table and a plot of hostile names, and 120 pictures."""
    images = Images()
    items = [
        {
            "picture": images.add(_square(i)),
            "title": HOSTILE[i % 4],
            "lines": [HOSTILE[(i + 1) % 4]],
            "tags": {"Class": HOSTILE[i % 4], "Result": "wrong" if i % 3 == 0 else "correct"},
        }
        for i in range(120)
    ]
    rows = [[HOSTILE[i % 4], float(i % 7), i] for i in range(12)]
    plot = figure({"data": [{"x": list(HOSTILE), "y": [1, 2, 3, 4], "name": HOSTILE[0]}]})
    script = tmp_path / "gallery.js"
    script.write_text(GALLERY)
    monkeypatch.setattr(page, "_STATIC", _Overlaid(script))
    sections = [
        Section("g", HOSTILE[0], "<div></div>", {"items": items}, script.name),
        Section("t", HOSTILE[2], table(["name", "value", "number"], rows)),
        Section("p", HOSTILE[1], plot),
    ]
    path = tmp_path / "page.html"
    path.write_text(assemble(HOSTILE[2], sections, images), encoding="utf-8")
    return path


class _Overlaid:
    """The static files, and one more."""

    def __init__(self, extra):
        self.static, self.extra = page._STATIC, extra

    def __truediv__(self, name):
        return self.extra if name == self.extra.name else self.static / name


def _square(number):
    return np.full((8, 8, 3), 2 * number, np.uint8)


def test_filters_pages_and_the_enlargement(page_of_parts, open_page):
    shown = open_page(page_of_parts)
    cards = shown.locator("#g .card")
    assert (cards.count(), shown.locator("#g .count").text_content()) == (27, "120 of 120")
    shown.locator("#g .more").click()
    assert cards.count() == 27 + 48
    shown.locator("select[data-filter=Result]").select_option(label="wrong (40)")
    assert shown.locator("#g .count").text_content() == "40 of 120"
    shown.locator("select[data-filter=Class]").select_option(index=2)
    assert shown.locator("#g .count").text_content() == "10 of 120"
    cards.first.click()
    title = shown.locator("#lightbox h3").text_content()
    assert title in HOSTILE
    assert shown.locator("#lightbox img").get_attribute("src").startswith("data:image/webp")
    shown.keyboard.press("ArrowRight")
    second = cards.nth(1).locator("img").get_attribute("src")
    assert shown.locator("#lightbox img").get_attribute("src") == second
    assert shown.locator("#lightbox .before").is_enabled()
    shown.keyboard.press("Escape")
    shown.locator("select[data-filter=Result]").select_option(label="all")
    shown.locator("select[data-filter=Class]").select_option(label="all")
    assert cards.count() == 27


def test_a_table_is_sorted_and_a_plot_drawn(page_of_parts, open_page):
    shown = open_page(page_of_parts, width=390, scheme="dark")
    button = shown.locator("#t th button").nth(1)
    button.click()
    values = shown.locator("#t td:nth-child(2)").all_text_contents()
    assert values == sorted(values, reverse=True)
    button.click()
    assert shown.locator("#t td:nth-child(2)").all_text_contents() == values[::-1]
    shown.locator("#p").scroll_into_view_if_needed()
    shown.wait_for_selector("#p .plot .scatterlayer .trace")
    assert shown.locator("main script:not([type='application/json'])").count() == 0
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_policy_stops_what_slips_through(page_of_parts, browser):
    text = page_of_parts.read_text(encoding="utf-8")
    hole = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    page_of_parts.write_text(text.replace("<main>", f"<main>{hole}"), encoding="utf-8")
    shown = browser.new_page()
    shown.goto(page_of_parts.as_uri())
    shown.wait_for_selector("html[data-ready]")
    assert shown.title() == HOSTILE[2]
    shown.close()


def test_the_report_of_a_run_with_hostile_names(make_run, write_scores, tmp_path, open_page):
    folder = make_run("<img src=x onerror=alert(4)>")
    names = [f"{i}<img src=x onerror=alert({i})>.png" for i in range(12)]
    write_scores(folder, tmp_path / "images", names, list(HOSTILE))
    shown = open_page(write_report(folder))
    assert shown.locator("h1").text_content().endswith("<img src=x onerror=alert(4)>")
    headings = shown.locator("h2").all_text_contents()
    assert {"Summary", "Curves", "Settings"} <= set(headings)
    assert shown.get_by_text("could not be made").count() == 0
    for heading in shown.locator("h2").all():
        heading.scroll_into_view_if_needed()
    shown.wait_for_selector("#curves .scatterlayer .trace")
    assert shown.locator("img[onerror]").count() == 0
