"""What the sections on a classifier say, of a run with known mistakes."""

import re

import numpy as np
import pytest
import torch

from mmresnet.datasets import class_scores
from mmresnet.evaluation.diagnosis import near_duplicates
from mmresnet.evaluation.diagnosis.temperature import scale
from mmresnet.report import classification
from mmresnet.report.classification import confusion, data, mistakes, sections, trust
from mmresnet.report.classification.classified import Classified, read
from mmresnet.report.images import Images
from mmresnet.report.run import Run

NAMES = ["confusion", "classes", "losses", "calibration", "thresholds", "labels", "duplicates"]


def test_all_sections_in_order(run_folder):
    found = sections(Run(run_folder), Images())
    assert [one.name for one in found] == NAMES
    assert "<script>" not in "".join(one.html.replace("application/json", "") for one in found)


def test_a_part_that_fails_costs_no_other(run_folder, monkeypatch):
    def fail(found):
        raise ValueError("<b>no</b>")

    monkeypatch.setitem(classification.PARTS, "Calibration", fail)
    found = {one.name: one for one in classification.sections(Run(run_folder), Images())}
    assert list(found) == NAMES
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in found["calibration"].html


def test_the_matrix_and_its_images(found):
    shown = confusion.matrix(found)
    assert "32 of 96 images of the validation set are wrong after epoch 1." in shown.html
    # of 24 images of each class those with a number divisible by 3 are taken for the next class
    cells = {(int(t), int(p)): int(n) for t, p, n in shown.data["cells"]}
    expected = {(i, i): 16 for i in range(4)} | {(i, (i + 1) % 4): 8 for i in range(4)}
    assert cells == expected
    assert sorted(shown.data["pairs"]) == [(i, (i + 1) % 4) for i in range(3)] + [(3, 0)]
    images = shown.data["images"]
    assert sum(t != p for _, t, p, *_ in images) == 32  # every error
    assert sum(t == p for _, t, p, *_ in images) == 4 * 8  # and of each class eight others
    assert all(picture is not None for picture, *_ in images)
    assert {(int(t), int(p)) for _, t, p, *_ in images[:8]} == set(expected)  # one of each first


def test_pictures_are_limited_and_names_are_not(found, monkeypatch):
    monkeypatch.setattr(confusion, "_MOST_PICTURES", 10)
    images = confusion.matrix(found).data["images"]
    assert [picture is None for picture, *_ in images] == [False] * 10 + [True] * 54


def test_the_table_of_classes(found):
    html = confusion.classes(found).html
    assert "Accuracy 66.67%" in html
    (row,) = re.findall(r"<tr><td>cat</td>(.*?)</tr>", html)
    # 16 of 24 are found; of 24 predictions 16 are right
    assert re.findall(r">([\d.]+)<", row) == ["24", "66.7", "66.7", "66.7"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; (8)" in row
    assert "emu (8)" in row


def test_the_worst_mistakes(found):
    items = mistakes.worst(found).data["items"]
    assert len(items) == 32
    losses = [float(one["lines"][1].rpartition(" ")[2]) for one in items]
    assert losses == sorted(losses, reverse=True)
    rows = {name: row for row, name in enumerate(found.names)}
    first = rows[items[0]["lines"][-1]]
    assert losses[0] == round(-np.log(found.scores[first, found.labels[first]]), 2)
    assert items[0]["tags"]["true class"] == found.classes[found.labels[first]]


def test_calibration_without_a_stored_temperature(found):
    html = trust.calibration(found).html
    assert "mmresnet calibrate" in html
    assert "best_accuracy_top1_epoch_1.pth" in html
    assert len(re.findall(r'data-value="66\.67"', html)) == 2  # the same before and after


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ({"epoch": 1, "iteration": 4}, "best_accuracy_top1_epoch_1.pth"),
        ({"epoch": 2, "iteration": 8}, "epoch_2.pth"),
        ({"epoch": 3, "iteration": 12}, None),
        ({"iteration": 7}, "iter_7.pth"),
        ({"checkpoint": "{folder}/epoch_2.pth"}, "epoch_2.pth"),
        ({"checkpoint": "torchvision://resnet18"}, None),
    ],
)
def test_the_weights_are_those_that_gave_the_scores(test, name, run_folder):
    for other in ("epoch_12.pth", "iter_7.pth"):
        (run_folder / other).write_bytes(b"weights")
    run = Run(run_folder)
    kept = read(run)
    kept.test = {key: str(value).format(folder=run_folder) for key, value in test.items()}
    weights = Classified(run, Images(), kept).weights
    assert (None if weights is None else weights.name) == name


def test_a_stored_temperature_scales_what_thresholds_are_for(run_folder):
    weights = run_folder / "best_accuracy_top1_epoch_1.pth"
    content = {"state_dict": {"a": torch.zeros(1)}, "meta": {"temperature": 2.0}}
    torch.save(content, weights)
    run = Run(run_folder)
    found = Classified(run, Images(), read(run))
    assert found.temperature == 2
    np.testing.assert_array_equal(found.reported, scale(found.scores, 2))
    assert "have the temperature 2.000 stored" in trust.calibration(found).html
    shown = trust.thresholds(found)
    assert "calibrated with the stored temperature" in shown.html
    (_, score, *_), *_ = shown.data["tables"]["80.0%"]
    assert score is None or score < found.reported.max()


def test_thresholds(found):
    rows = trust.thresholds(found).data["tables"]["80.0%"]
    assert [row[0] for row in rows] == ["all classes", *found.classes]
    _, score, precision, recall, accepted, predictions = rows[0]
    assert predictions == 96
    kept = found.scores.max(axis=1) >= score
    assert accepted == kept.sum()
    assert precision == (~found.wrong)[kept].mean() >= 0.8
    assert recall == pytest.approx((kept & ~found.wrong).sum() / 96)


def test_doubtful_labels(found):
    pytest.importorskip("cleanlab")
    shown = data.doubtful_labels(found)
    items = shown.data["items"]
    assert 0 < len(items) <= 32
    assert all("→" in one["title"] for one in items)  # the net sees another class in all of them


def test_near_duplicates(found):
    shown = data.near_duplicates(found)
    same, mirrored = sorted(shown.data["items"], key=lambda one: one["lines"][-2])
    assert (same["lines"][-2:], same["title"]) == (["1/005.png", "1/train-0.png"], found.classes[1])
    assert mirrored["lines"] == ["similarity 1.00, mirrored", "2/006.png", "3/train-1.png"]
    assert (mirrored["title"], mirrored["tags"]) == ("owl / emu", {"kind": "other label"})
    assert "2 of 96 images" in shown.html
    assert "1 of them have another label" in shown.html
    # image 6 is wrong, as its number is divisible by 3, and image 5 is right
    assert re.findall(r">near duplicates</td>.*?>2</td>.*?>(\d+)</td>", shown.html) == ["50"]


class InMemory:
    """A data set of images that have no files, as CIFAR's."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def get_data_info(self, index):
        return {"img": self.images[index], "gt_label": index % 2}


def test_images_in_memory(run_folder, monkeypatch):
    generator = np.random.default_rng(0)
    small = generator.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    images = small.repeat(4, axis=1).repeat(4, axis=2)
    sets = {
        "val": InMemory(images),
        "train": InMemory(np.concatenate([1 - images[:1], images[2:3]])),
    }
    monkeypatch.setattr(Run, "dataset", lambda self, split: sets[split])
    scores = np.tile([[0.7, 0.3]], (6, 1))
    names = [str(i) for i in range(6)]
    kept = class_scores.ClassScores(scores, names, ["a", "b"], np.arange(6) % 2)
    class_scores.save(run_folder / "predictions" / "val.npz", kept)
    run = Run(run_folder)
    found = Classified(run, Images(), read(run))
    assert all(picture is not None for picture, *_ in confusion.matrix(found).data["images"])
    (pair,) = data.near_duplicates(found).data["items"]
    assert pair["lines"] == ["similarity 1.00", "2", "training image 1"]


def test_sets_whose_images_are_alike(found, monkeypatch):
    monkeypatch.setattr(near_duplicates, "MOST_RIVALS", -1)
    html = data.near_duplicates(found).html
    assert "Not told apart: 2 of 96 images" in html


def test_too_many_images_to_compare(found, monkeypatch):
    monkeypatch.setattr(data, "MOST_COMPARED", 99)
    assert "100 images are more than the 99" in data.near_duplicates(found).html


def test_a_training_set_that_is_gone(run_folder, found):
    found.run.config.train_dataloader.dataset.data_root = "not/there"
    assert "Not looked for: " in data.near_duplicates(found).html


def test_images_without_a_label_each_are_a_sentence(run_folder):
    path = run_folder / "predictions" / "val.npz"
    kept = class_scores.load(path)
    kept.labels = None
    class_scores.save(path, kept)
    (only,) = sections(Run(run_folder), Images())
    assert "they need one label for each image" in only.html


def test_a_run_without_predictions_has_no_sections(make_run):
    assert sections(Run(make_run()), Images()) == []


def test_cells_and_thresholds_in_a_browser(run_folder, open_page):
    from mmresnet.report.write import write_report

    page = open_page(write_report(run_folder))
    heading = page.locator("#confusion .confusion > h3")
    assert "8 of 24" in heading.text_content()
    canvas = page.locator("canvas.matrix")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    # the last cell of the diagonal, next to an edge of four pixels
    page.mouse.click(box["x"] + box["width"] - 12, box["y"] + box["height"] - 12)
    assert heading.text_content() == "emu recognized: 16 of 24 (66.7%); 8 shown"
    assert page.locator("#confusion .card").count() == 8
    page.locator("#confusion select").first.select_option(label="owl")
    assert heading.text_content() == "owl taken for emu: 8 of 24 (33.3%)"
    canvas.press("ArrowLeft")
    assert heading.text_content().startswith("owl recognized: 16 of 24")
    before = page.locator(".thresholds tbody").text_content()
    page.locator(".thresholds select").select_option(label="80.0%")
    assert page.locator(".thresholds tbody").text_content() != before
    assert page.locator(".thresholds tbody tr").count() == 5
