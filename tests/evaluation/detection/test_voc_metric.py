"""VOCMetric equals the development kit's definition, and mmdet's where that equals it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mmresnet.errors import UserError
from mmresnet.evaluation.detection.voc_metric import VOCMetric

CLASSES = ("cat", "dog", "owl", "yak")


def draw(images=30, seed=0):
    """Return objects and detections in whole pixels, both included: lists by image.

    An object is (label, box, difficult), a detection (label, score, box). There is no yak.
    """
    generator = np.random.default_rng(seed)
    objects, detections = [], []
    for _ in range(images):
        there = []
        for _ in range(generator.integers(0, 6)):
            x, y = generator.integers(1, 60, 2)
            w, h = generator.integers(4, 40, 2)
            there.append(
                (int(generator.integers(3)), (x, y, x + w, y + h), generator.random() < 0.2)
            )
        found = []
        for label, box, _ in there:
            for _ in range(generator.integers(0, 4)):
                moved = np.array(box) + generator.integers(-6, 7, 4)
                moved[2:] = np.maximum(moved[2:], moved[:2])
                found.append((label, round(generator.random(), 2), tuple(moved)))
        for _ in range(generator.integers(0, 3)):
            x, y = generator.integers(1, 60, 2)
            found.append(
                (int(generator.integers(4)), round(generator.random(), 2), (x, y, x + 9, y + 9))
            )
        objects.append(there)
        detections.append(found)
    return objects, detections


def samples(objects, detections):
    """Return data samples as mmdet's models and pipelines make them: boxes are half-open."""

    def boxes(listed):
        found = torch.tensor(np.array(listed, float).reshape(-1, 4))
        found[:, :2] -= 1
        return found.float()

    for number, (there, found) in enumerate(zip(objects, detections, strict=True)):
        parts = {}
        for key, hard in (("gt_instances", False), ("ignored_instances", True)):
            chosen = [one for one in there if one[2] == hard]
            labels = torch.tensor([one[0] for one in chosen], dtype=torch.long)
            parts[key] = {"bboxes": boxes([one[1] for one in chosen]), "labels": labels}
        yield {
            "img_id": f"{number:06d}",
            "pred_instances": {
                "bboxes": boxes([one[2] for one in found]),
                "scores": torch.tensor([one[1] for one in found], dtype=torch.float32),
                "labels": torch.tensor([one[0] for one in found], dtype=torch.long),
            },
            **parts,
        }


def evaluate(objects, detections, **keywords):
    metric = VOCMetric(classwise=True, **keywords)
    metric.dataset_meta = {"classes": CLASSES}
    for sample in samples(objects, detections):
        metric.process(None, [sample])
    return metric.evaluate(len(objects))


def expected(devkit, objects, detections, mode):
    found = {}
    for label, name in enumerate(CLASSES):
        of_class = [
            (number, score, box)
            for number, listed in enumerate(detections)
            for one, score, box in sorted(listed, key=lambda one: -one[1])
            if one == label
        ]
        there = {
            number: [(box, hard) for one, box, hard in listed if one == label]
            for number, listed in enumerate(objects)
        }
        positives = sum(not hard for listed in there.values() for _, hard in listed)
        if positives:
            found[name] = devkit.ap(devkit.voc(of_class, there), positives, mode)
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mode", ["11points", "area"])
def test_equals_the_development_kit(mode, seed, devkit):
    objects, detections = draw(seed=seed)
    found = evaluate(objects, detections, eval_mode=mode)
    wanted = expected(devkit, objects, detections, mode)
    assert len(wanted) == 3 and all(0 < value < 1 for value in wanted.values())
    for name, value in wanted.items():
        assert found[f"pascal_voc/{name}_AP"] == pytest.approx(value, abs=1e-6), name
    assert found["pascal_voc/mAP"] == pytest.approx(np.mean(list(wanted.values())), abs=1e-6)
    assert np.isnan(found["pascal_voc/yak_AP"])  # there are no objects of it


@pytest.mark.parametrize("mode", ["11points", "area"])
def test_equals_mmdets_where_scores_differ(mode):
    mmdet = pytest.importorskip("mmdet.evaluation")
    objects, detections = draw(seed=7)
    generator = np.random.default_rng(0)
    detections = [[(a, generator.random(), c) for a, _, c in listed] for listed in detections]
    annotations, predictions = [], []
    for there, found in zip(objects, detections, strict=True):
        parts = {}
        for key, hard in (("", False), ("_ignore", True)):
            chosen = [one for one in there if one[2] == hard]
            parts[f"bboxes{key}"] = np.array([one[1] for one in chosen], np.float32).reshape(-1, 4)
            parts[f"labels{key}"] = np.array([one[0] for one in chosen])
        annotations.append(parts)
        rows = [[(*box, score) for one, score, box in found if one == n] for n in range(4)]
        predictions.append([np.array(one, np.float32).reshape(-1, 5) for one in rows])
    theirs, _ = mmdet.eval_map(
        predictions,
        annotations,
        iou_thr=0.5,
        eval_mode=mode,
        use_legacy_coordinate=True,
        logger="silent",
        nproc=1,
    )
    ours = evaluate(objects, detections, eval_mode=mode)["pascal_voc/mAP"]
    # mmdet's 11 points compare floating-point recalls: 0.3 is not reached by 3 of 10 objects
    assert ours == pytest.approx(theirs, abs=1e-6 if mode == "area" else 0.02)


def test_a_worked_example():
    """Two cats, one of them difficult, and a dog that is not found.

    Cats by score: 0.9 on the easy one (right), 0.8 on the difficult one (ignored), 0.7 again on the
    easy one (wrong), 0.6 nowhere (wrong). So the recall is 1 at the first, with the precision 1.
    With the other scores the one that is nowhere comes first: the precision at the recall 1 is 1/2.
    """
    easy, hard = (1, 1, 10, 10), (21, 21, 40, 40)
    objects = [[(0, easy, False), (0, hard, True), (1, (50, 50, 60, 60), False)]]
    boxes = [easy, hard, easy, (70, 70, 80, 80)]
    for scores, value in (((0.9, 0.8, 0.7, 0.6), 1), ((0.6, 0.7, 0.5, 0.9), 1 / 2)):
        detections = [[(0, s, box) for s, box in zip(scores, boxes, strict=True)]]
        found = evaluate(objects, detections, eval_mode="area")
        assert found["pascal_voc/cat_AP"] == pytest.approx(value)
        assert found["pascal_voc/dog_AP"] == 0
        assert found["pascal_voc/mAP"] == pytest.approx(value / 2)


def test_the_threshold_is_reached_by_half_an_overlap():
    """Pixels 1 to 10 and 1 to 5 of a row: 5 of 10, which is enough; VOC's kit has ``>=``."""
    objects = [[(0, (1, 1, 10, 1), False)]]
    assert evaluate(objects, [[(0, 0.5, (1, 1, 5, 1))]])["pascal_voc/mAP"] == 1
    assert evaluate(objects, [[(0, 0.5, (1, 1, 4, 1))]])["pascal_voc/mAP"] == 0
    assert evaluate(objects, [[(0, 0.5, (1, 1, 4, 1))]], iou_thr=0.4)["pascal_voc/mAP"] == 1


def test_no_detections_and_no_objects():
    assert evaluate([[(0, (1, 1, 9, 9), False)], []], [[], []])["pascal_voc/mAP"] == 0
    assert np.isnan(evaluate([[]], [[]])["pascal_voc/mAP"])


def test_the_table_lists_every_class(monkeypatch):
    from mmresnet.evaluation.detection import devkit_metric

    lines = []
    monkeypatch.setattr(devkit_metric, "print_log", lambda text, **_: lines.append(text))
    objects = [[(0, (1, 1, 10, 10), False), (0, (1, 30, 10, 40), False)]]
    evaluate(objects, [[(0, 0.5, (1, 1, 10, 10))]], eval_mode="area")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[-1].splitlines()]
    rows = [row for row in rows if row]
    assert rows[0] == ["class", "objects", "detections", "recall", "AP"]
    assert rows[1] == ["cat", "2", "1", "0.500", "0.500"]
    assert rows[2] == ["dog", "0", "0", "-", "-"]
    assert rows[-1] == ["mean", "2", "1", "", "0.500"]


# --- result files ------------------------------------------------------------------------------


def test_result_files_count_pixels_as_voc_does(tmp_path):
    _, detections = draw(4)
    prefix = str(tmp_path / "results" / "comp4_det_test")
    assert evaluate([[]] * 4, detections, format_only=True, outfile_prefix=prefix) == {}
    for label, name in enumerate(CLASSES):
        lines = Path(f"{prefix}_{name}.txt").read_text().splitlines()
        wanted = [
            (f"{number:06d}", score, *box)
            for number, listed in enumerate(detections)
            for one, score, box in listed
            if one == label
        ]
        assert len(lines) == len(wanted)
        for line, (image, *numbers) in zip(lines, wanted, strict=True):
            assert line.split()[0] == image
            assert [float(word) for word in line.split()[1:]] == pytest.approx(numbers, abs=1e-5)


def test_results_are_not_overwritten(tmp_path):
    (tmp_path / "res[1]_cat.txt").write_text("")
    with pytest.raises(UserError, match=r"there are results already, such as .*res\[1\]_cat.txt"):
        VOCMetric(outfile_prefix=str(tmp_path / "res[1]"))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"eval_mode": "12points"}, "'11points' or 'area', not '12points'"),
        ({"iou_thr": 50}, "above 0 and at most 1, not 50"),
        ({"format_only": True}, "set outfile_prefix"),
    ],
)
def test_wrong_keywords(keywords, message):
    with pytest.raises(UserError, match=message):
        VOCMetric(**keywords)


def test_samples_without_objects():
    sample = next(samples([[]], [[]]))
    del sample["gt_instances"]
    with pytest.raises(UserError, match=r"lacks dict.type='LoadAnnotations'"):
        VOCMetric().process(None, [sample])


# --- several processes -------------------------------------------------------------------------

SCRIPT = """
import json, sys
import torch.distributed as dist
rank, port, out, folder = int(sys.argv[1]), *sys.argv[2:]
sys.path.insert(0, folder)
from test_voc_metric import CLASSES, VOCMetric, draw, samples
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
metric = VOCMetric(classwise=True, outfile_prefix=f"{out}/res")
metric.dataset_meta = {"classes": CLASSES}
listed = list(samples(*draw(7)))
mine = [*listed[rank::2], *listed[:rank]]  # the sampler repeats an image, so that all have as many
for sample in mine:
    metric.process(None, [sample])
with open(f"{out}/{rank}.json", "w") as file:
    json.dump(metric.evaluate(7), file)
"""


@pytest.mark.full
@pytest.mark.dist
def test_two_processes_give_what_one_gives(tmp_path):
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    folder = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(folder.parents[1])}
    command = [sys.executable, "-c", SCRIPT]
    running = [
        subprocess.Popen(
            [*command, str(rank), port, str(tmp_path), str(folder)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors[-3000:]
    wanted = {k: v for k, v in evaluate(*draw(7)).items() if v == v}
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert {key: value for key, value in found.items() if value == value} == wanted
    detections = draw(7)[1]
    written = sum(len(path.read_text().splitlines()) for path in tmp_path.glob("res_*.txt"))
    assert written == sum(map(len, detections))
