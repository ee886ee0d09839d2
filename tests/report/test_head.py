"""What the summary and the settings of a report say."""

import re

from mmresnet.config.load import load_config
from mmresnet.report.head import settings, summary
from mmresnet.report.images import Images
from mmresnet.report.run import Run


def summary_of(folder):
    (section,) = summary(Run(folder), Images())
    return section.html


def settings_of(folder):
    (section,) = settings(Run(folder), Images())
    return section.html


def figures(html):
    return {name: value for value, name in re.findall(r"<b>(.*?)</b><span>(.*?)</span>", html)}


def test_the_summary_of_a_training(make_run):
    html = summary_of(make_run())
    assert figures(html) == {
        "accuracy/top1, best: epoch 1": "80",
        "accuracy/top1, last: epoch 2": "75",
        "accuracy/top5: epoch 1": "95",
    }
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))
    assert facts["Training"] == "digits_resnet20"
    assert facts["Data"] == "data/digits: 1,437 images of 10 classes"
    assert facts["Iterations"] == "8 in 2 epochs"
    assert facts["Time"] == "0:01:30, from 2026-01-31 12:00"
    assert facts["Best weights"].endswith("best_accuracy_top1_epoch_1.pth")
    assert "mmresnet train digits_resnet20</pre>" in html


def test_the_best_of_an_error_is_its_least(make_run):
    folder = make_run()
    log = folder / "20260131_120000" / "vis_data" / "scalars.json"
    log.write_text(log.read_text().replace("accuracy/top1", "error"))
    assert figures(summary_of(folder))["error, best: epoch 2"] == "75"


def test_runs_of_other_tools_are_described_by_their_config(make_run):
    folder = make_run(log="no log of mmresnet\n")
    config = folder / "20260131_120000" / "vis_data" / "config.py"
    model = "model = dict(type='ImageClassifier', backbone=dict(type='ResNet', depth=50))\n"
    config.write_text(config.read_text() + model)
    html = summary_of(folder)
    assert f"mmresnet train {config}</pre>" in html
    assert "<dt>Model</dt><dd>ImageClassifier, ResNet</dd>" in html
    assert "<dt>Data</dt><dd>not/there</dd>" in html


def test_the_settings_differ_from_the_recipe_where_the_run_did(make_run):
    folder = make_run()
    options = {"optim_wrapper.optimizer.lr": 0.05, "train_dataloader.pin_memory": False}
    changed = load_config("digits_resnet20", options)
    (folder / "20260131_120000" / "vis_data" / "config.py").write_text(changed.pretty_text)
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", settings_of(folder))
    assert rows == [("optim_wrapper.optimizer.lr", "0.1", "0.05")]


def test_an_unknown_recipe_is_said(make_run):
    folder = make_run()
    (folder / "digits_resnet20.py").rename(folder / "mine.py")
    html = settings_of(folder)
    assert "The recipe of this run is not known" in html
    assert "<dt>PyTorch</dt><dd>2.14.1</dd>" in html
