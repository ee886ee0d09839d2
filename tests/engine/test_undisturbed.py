"""Random numbers and features that something in between leaves as they were."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from mmresnet.engine.undisturbed import features_computed_once, own_random_numbers


def draw():
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def test_random_numbers_go_on_outside_and_repeat_inside():
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    expected = [draw(), draw()]
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    outside, inside = [draw()], []
    with own_random_numbers(7):
        inside.append(draw())
    outside.append(draw())
    with own_random_numbers(7):
        inside.append(draw())
    assert outside == expected
    assert inside[0] == inside[1]


def test_random_numbers_go_on_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), own_random_numbers(7):
        draw()
        raise RuntimeError
    assert torch.equal(torch.get_rng_state(), before)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def extract_feat(self, images, stage="neck"):
        self.calls += 1
        return (images * 2, [images + 1])


def test_features_are_those_of_equal_images():
    net, images = Net(), torch.ones(2, 3)
    with features_computed_once(net):
        first = net.extract_feat(images)
        assert net.extract_feat(images.clone()) is first
        assert net.calls == 1
        assert net.extract_feat(images + 1)[0].tolist() == [[4.0] * 3] * 2
        net.extract_feat(images, stage="backbone")
        assert net.calls == 3
    net.extract_feat(images)
    assert net.calls == 4


def test_features_changed_in_place_are_computed_anew():
    net, images = Net(), torch.ones(2, 3)
    with features_computed_once(net):
        net.extract_feat(images)[1][0].add_(1)
        assert net.extract_feat(images)[1][0].tolist() == [[2.0] * 3] * 2
    assert net.calls == 2


def test_a_model_without_features():
    with features_computed_once(nn.Linear(1, 1)) as nothing:
        assert nothing is None
