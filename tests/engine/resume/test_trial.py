"""The moments at which a training is killed."""

import random

from mmresnet.engine.resume.trial import Timeline


def test_every_iteration_is_hit_as_often_also_before_a_long_end():
    timeline = Timeline(steps=[1, 2, 3, 4], times=[5.0, 5.1, 7.1, 7.2], end=60.0)
    moments = timeline.draw(4000, random.Random(0))
    order = [(one.step, one.delay) for one in moments]
    assert order == sorted(order)
    for step, longest in ((1, 0.1), (2, 2.0), (3, 0.1), (4, 2.0)):
        delays = [one.delay for one in moments if one.step == step]
        assert 900 < len(delays) < 1100
        assert 0.9 * longest < max(delays) < longest + 1e-9


def test_of_a_single_iteration_and_of_none():
    (moment,) = Timeline(steps=[1], times=[5.0], end=6.0).draw(1, random.Random(0))
    assert moment.step == 1
    assert moment.delay < 1
    assert Timeline(end=6.0).draw(3, random.Random(0)) == []
