"""A report of 10,000 images of 100 classes: what it weighs, and that it works in a browser."""

import pytest

from mmresnet.report.write import write_report

pytestmark = pytest.mark.full


def test_ten_thousand_images_of_a_hundred_classes(make_run, write_scores, tmp_path, open_page):
    folder = make_run()
    names = [f"{i % 100:02d}/{i:05d}.png" for i in range(10_000)]
    write_scores(folder, tmp_path / "images", names, [f"class {i:02d}" for i in range(100)])
    path = write_report(folder)
    assert path.stat().st_size < 30e6
    page = open_page(path)
    assert page.get_by_text("could not be made").count() == 0
    wrong = page.locator("select[data-filter]").first
    wrong.select_option(index=1)
    shown, total = page.locator(".count").first.text_content().split(" of ")
    assert 0 < int(shown.replace(",", "")) < int(total.replace(",", ""))
