"""The curves of a training, as plots."""

import json
import re

from mmresnet.report.curves import sections
from mmresnet.report.images import Images
from mmresnet.report.run import Run


def plots(folder):
    (section,) = sections(Run(folder), Images())
    parts = re.findall(r"<h3>(.*?)</h3>.*?<script[^>]*>(.*?)</script>", section.html)
    return {title: json.loads(content) for title, content in parts}


def test_each_curve_is_a_plot(make_run):
    found = plots(make_run())
    assert list(found) == [
        "Loss",
        "Validation metrics",
        "Learning rate",
        "Gradient norm",
        "Images per second",
    ]
    loss, metrics = found["Loss"], found["Validation metrics"]
    assert (loss["data"][0]["x"], loss["data"][0]["y"]) == ([4, 8], [2.0, 1.0])
    assert loss["layout"]["yaxis"]["type"] == "log"
    assert [trace["name"] for trace in metrics["data"]] == ["accuracy/top1", "accuracy/top5"]
    # not logged by mmpretrain: batches of 8 in 2 processes, in 0.5 and 0.25 s
    assert found["Images per second"]["data"][0]["y"] == [32.0, 64.0]


def write_log(folder, lines):
    path = folder / "20260131_120000" / "vis_data" / "scalars.json"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_long_curves_are_thinned_out_and_smoothed(make_run):
    folder = make_run()
    write_log(folder, [{"loss": 2.0 + i % 2, "step": i} for i in range(10_000)])
    faint, mean = plots(folder)["Loss"]["data"]
    assert len(faint["x"]) == len(mean["y"]) == 3334
    assert all(abs(value - 2.5) < 0.01 for value in mean["y"][100:])


def test_fractions_and_percentages_have_plots_of_their_own(make_run):
    folder = make_run()
    write_log(folder, [{"loss": 0.0, "step": 1}, {"mAP": 0.25, "step": 1}, {"top1": 80, "step": 1}])
    found = plots(folder)
    assert list(found) == ["Loss", "Validation metrics", "Validation metrics, in percent"]
    assert found["Loss"]["layout"]["yaxis"]["type"] == "linear"  # no logarithm of 0


def test_a_test_has_none(make_run):
    folder = make_run()
    (folder / "20260131_120000" / "vis_data" / "scalars.json").unlink()
    assert sections(Run(folder), Images()) == []
