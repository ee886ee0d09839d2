"""The sections in a browser: matrix, galleries and curves react, on a desktop and a phone."""

import pytest

from mmresnet.report.detection import sections
from mmresnet.report.images import Images
from mmresnet.report.page import assemble

pytest.importorskip("plotly")

EVIL = "<img src=x onerror=alert(1)><b>cat</b>"


@pytest.fixture
def page_of(tmp_path, open_page):
    """``page_of(run, width)`` opens a page with the sections of a run."""

    def show(run, **kwargs):
        images = Images()
        path = tmp_path / "report.html"
        path.write_text(assemble("detector", sections(run, images), images), encoding="utf-8")
        return open_page(path, **kwargs)

    return show


@pytest.fixture
def run(write_run):
    """At the advised score two cats are found, one is taken for a dog and one is missed."""
    cats = [(f"{n}.png", EVIL, 2, 2, 20, 20) for n in range(4)]
    found = [(*cat, 0.9) for cat in cats[:2]] + [("2.png", "dog", 2, 2, 20, 20, 0.95)]
    return write_run(cats, found, classes=(EVIL, "dog"))


def test_a_click_on_a_cell_shows_its_boxes(page_of, run):
    page = page_of(run)
    matrix = page.locator("#detection-confusion .confusion")
    matrix.scroll_into_view_if_needed()
    page.wait_for_selector("#detection-confusion .confusion[data-drawn]")
    cells = matrix.locator(".nsewdrag").first
    box = cells.bounding_box()
    # a click opens the cell that was hovered, which plotly takes note of 20 times a second
    matrix.evaluate(
        "plot => plot.on('plotly_hover', ({ points }) => { plot.dataset.hovered = points[0].x; })"
    )
    # the first cell is open already
    for column, title in ((1, f"{EVIL}, found as dog 95%"), (0, f"{EVIL} 90%")):
        place = {"x": box["width"] * (column + 0.5) / 3, "y": box["height"] / 6}
        cells.hover(position=place)
        page.wait_for_selector(f"#detection-confusion [data-hovered='{column}']")
        cells.dblclick(position=place)  # which does not zoom
        page.wait_for_function(
            "title => document.querySelector('#detection-confusion .card strong').textContent"
            " === title",
            arg=title,
        )
    assert matrix.evaluate("plot => plot.layout.yaxis.range") == [2.5, -0.5]
    assert matrix.locator(".ytick text").first.text_content() == f"{EVIL[:23]}…"
    choice = page.locator("#detection-confusion select")
    choice.select_option(label=f"{EVIL}, missed (1)")
    assert page.locator("#detection-confusion .card").all_text_contents() == [
        f"{EVIL}, missed3.png"
    ]


def test_a_chosen_class_stands_out(page_of, run):
    page = page_of(run)
    plot = page.locator("#precision-recall .plot").first
    plot.scroll_into_view_if_needed()
    plot.locator(".scatterlayer .trace").first.wait_for()

    widths = (
        "wanted => [...document.querySelector('#precision-recall .plot')"
        ".querySelectorAll('.scatterlayer .js-line')]"
        ".map((line) => line.style.strokeWidth).join() === wanted"
    )
    page.wait_for_function(widths, arg="1.25px,3px")  # cats and all; there are no dogs
    page.locator("#precision-recall select").select_option(index=1)
    page.wait_for_function(widths, arg="3px,3px")


def test_mistakes_are_filtered_and_enlarged_on_a_phone(page_of, run):
    page = page_of(run, width=390, scheme="dark")
    errors = page.locator("#detection-errors")
    assert errors.locator(".card").count() == 2
    errors.locator("select[data-filter=Kind]").select_option(label="missed (1)")
    assert errors.locator(".card").count() == 1
    page.locator("#worst-images .card").first.click()
    assert page.locator("#lightbox img").evaluate("image => image.naturalWidth") == 360
    assert page.evaluate("document.documentElement.scrollWidth") == 390
