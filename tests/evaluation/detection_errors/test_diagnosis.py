"""All that is computed about a set, together."""

import numpy as np
import pytest

from mmresnet.evaluation.detection_errors.diagnosis import diagnose
from mmresnet.evaluation.detection_errors.kinds import KINDS

pytest.importorskip("faster_coco_eval")


@pytest.mark.parametrize(("rule", "flag"), [("coco", "iscrowd"), ("voc", "ignore")])
def test_the_parts_agree(rule, flag, random_scene):
    found = diagnose(random_scene(flag, 0.2, rule))
    true = found.confusion.counts.trace()
    best = found.scores.best[-1]
    assert true == round(found.scores.recall[-1, best] * found.boxes.positives.sum())
    kept = found.confusion.counts[:, :-1].sum()
    assert found.scores.precision[-1, best] == pytest.approx(true / kept)
    assert (found.precision[0.75] <= found.precision[0.5]).all()
    wrong = (found.matches.outcome < 0).sum()
    assert sum(found.errors.count(kind) for kind in KINDS[:-1]) == wrong


def test_where_no_detection_is_right_the_threshold_is_that_of_infer(scene):
    found = diagnose(scene([("a", "cat", 0, 0, 10, 10)], [("a", "dog", 0, 0, 10, 10, 0.5)]))
    assert found.threshold == 0.3
    assert found.confusion.counts[0].tolist() == [0, 1, 0, 0]
    assert np.isnan(found.sizes[1]).all()
