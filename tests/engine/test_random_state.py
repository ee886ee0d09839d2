"""The random numbers that follow a fork are those that would have followed without it."""

import random

import numpy as np
import pytest
import torch

from mmresnet.engine.random_state import fork_rng


def draw():
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def seed_all():
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)


def test_a_fork_repeats_its_numbers_and_leaves_the_others_unchanged():
    seed_all()
    expected = [draw(), draw()]
    seed_all()
    outside, inside = [draw()], []
    with fork_rng(7):
        inside.append(draw())
    outside.append(draw())
    with fork_rng(7):
        inside.append(draw())
    assert outside == expected
    assert inside[0] == inside[1]


def test_the_states_are_restored_after_an_error():
    seed_all()
    expected = draw()
    seed_all()
    with pytest.raises(RuntimeError), fork_rng(7):
        draw()
        raise RuntimeError
    assert draw() == expected
