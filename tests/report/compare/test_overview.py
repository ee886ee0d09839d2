"""The table, curves and settings of several runs."""

import json
import re

from mmresnet.report.compare import overview
from mmresnet.report.compare.runs import read_runs


def plots(html: str) -> dict[str, dict]:
    found = re.findall(
        r"<h3>(.*?)</h3>.*?<script type=\"application/json\">(.*?)</script>", html, re.DOTALL
    )
    return {title: json.loads(text) for title, text in found}


def test_curves_of_both_in_one_plot(classifier, log_scalars):
    a, b = classifier("a"), classifier("<b>")
    log_scalars(b, [{"lr": 0.1, "loss": 4.0, "epoch": 1, "iter": 4, "step": 4}])
    (section,) = overview.curves(read_runs([a, b]))
    found = plots(section.html)
    assert [one["y"] for one in found["Training loss"]["data"]] == [[2.0, 1.0], [4.0]]
    assert [one["name"] for one in found["Training loss"]["data"]] == ["a", "&lt;b&gt;"]
    assert [one["name"] for one in found["accuracy/top1"]["data"]] == ["a"]


def test_long_curves_are_smoothed(classifier, log_scalars):
    """The mean of 100 / 25 = 4 values, at the last of them."""
    a, b = classifier("a"), classifier("b")
    log_scalars(a, [{"loss": float(i % 4), "iter": i, "step": i} for i in range(100)])
    (section,) = overview.curves(read_runs([a, b]))
    trace = plots(section.html)["Training loss"]["data"][0]
    assert (trace["x"][0], len(trace["x"])) == (3, 97)
    assert {round(y, 9) for y in trace["y"]} == {1.5}


def test_settings_of_three_runs(classifier):
    folders = [classifier(name) for name in "abc"]
    for folder, text in zip(
        folders[1:], ("batch_size=16", "batch_size=8, num_workers=2"), strict=True
    ):
        (path,) = folder.glob("*/vis_data/config.py")
        path.write_text(path.read_text().replace("batch_size=8", text) + f"work_dir = '{folder}'\n")
    runs = read_runs(folders)
    assert overview.differing_settings(runs) == [
        ["train_dataloader.batch_size", "8", "16", "8"],
        ["train_dataloader.num_workers", "(absent)", "(absent)", "2"],
    ]
    assert "num_workers" in overview.settings(runs)[0].html


def test_runs_without_training(classifier):
    folders = [classifier("a"), classifier("b")]
    for path in folders[1].glob("*/vis_data/scalars.json"):
        path.unlink()
    section = overview.overview(read_runs(folders), {"top-1, %": [90.0, 80.0]})
    first, second = re.findall(r"<tr>(.*?)</tr>", section.html)[1:]
    assert "accuracy/top1 80" in first
    assert second.count("–") >= 2
