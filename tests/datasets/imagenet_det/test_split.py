"""The halves of ImageNet DET's validation set: balanced, whole, and the same for each seed."""

import numpy as np
import pytest

from mmresnet.datasets.imagenet_det.split import imbalance, split_val


@pytest.fixture(scope="module")
def annotations():
    """2,000 images, 40 classes of 10 to 2,000 images: as skewed as DET's, a tenth of its size."""
    generator = np.random.default_rng(0)
    found = {f"val_{number:05d}": [] for number in range(2001)}
    names = list(found)
    for label, count in enumerate(np.geomspace(10, 2000, 40).astype(int)):
        for name in generator.choice(names, count):
            found[name].append(f"class_{label:02d}")
    return found


def test_every_image_is_in_one_half(annotations):
    first, second = split_val(annotations, trials=10)
    assert sorted([*first, *second]) == sorted(annotations)
    assert (len(first), len(second)) == (1001, 1000)
    assert first == sorted(first) and second == sorted(second)


def test_classes_are_balanced_better_than_by_chance(annotations):
    """R-CNN's split of DET has a largest imbalance of about 11 %."""
    generator = np.random.default_rng(1)
    names = sorted(annotations)
    random = []
    for _ in range(50):
        order = generator.permutation(names).tolist()
        random.append(max(imbalance(order[:1000], order[1000:], annotations).values()))
    found = imbalance(*split_val(annotations, trials=50), annotations)
    assert len(found) == 40
    assert max(found.values()) <= 0.11 < min(random)
    assert np.median(list(found.values())) <= 0.04


def test_it_depends_on_the_seed_alone(annotations):
    first = split_val(annotations, seed=3, trials=5)
    backwards = dict(reversed(annotations.items()))
    assert split_val(backwards, seed=3, trials=5) == first
    assert split_val(annotations, seed=4, trials=5) != first


def test_imbalance():
    """Of three cats, two are in the first half: 1 / 3. Of two dogs in one image, all: 1."""
    annotations = {"a": ["cat", "dog", "dog"], "b": ["cat"], "c": ["cat"], "d": []}
    assert imbalance(["a", "b"], ["c", "d"], annotations) == {
        "cat": pytest.approx(1 / 3),
        "dog": 1.0,
    }
    assert split_val({}) == ([], [])
    assert split_val({"a": []}) == (["a"], [])


def test_a_split_that_can_be_even_is():
    """Four images of one class each and twice: each half gets one of both."""
    annotations = {"a": ["x"], "b": ["x"], "c": ["y"], "d": ["y"]}
    first, second = split_val(annotations)
    assert set(imbalance(first, second, annotations).values()) == {0.0}
