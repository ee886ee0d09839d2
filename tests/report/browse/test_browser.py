"""The page on a data set in a real browser, with names from the data that are scripts."""

import shutil

import pytest

pytest.importorskip("mmpretrain")
pytest.importorskip("plotly")

from mmresnet.report.browse.write import write_browse

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.full
@pytest.mark.parametrize("width", [360, 1280])
def test_pictures_are_enlarged_and_names_are_texts(open_page, tiny_images, tmp_path, width):
    data = tmp_path / "data"
    shutil.copytree(tiny_images, data)
    for split in ("train", "val"):
        (data / split / "owl").rename(data / split / HOSTILE)
    options = {"data_root": str(data), "num_classes": 3}
    write_browse("digits_resnet20", tmp_path / "page.html", number=6, cfg_options=options)
    page = open_page(tmp_path / "page.html", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    first = page.locator("#steps .strip img").first
    first.scroll_into_view_if_needed()
    page.wait_for_selector("#steps .strip img[src^='data:']")
    assert first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 48
    first.click()
    dialog = page.locator("#lightbox")
    assert dialog.locator("h3").inner_text() == "LoadImageFromFile"
    assert "48×40" in dialog.inner_text()
    page.keyboard.press("Escape")
    page.locator("#classes").scroll_into_view_if_needed()
    page.wait_for_selector("#classes .plot .bars path")
    assert HOSTILE in page.locator("#classes table").inner_text()
