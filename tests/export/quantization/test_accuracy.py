"""The accuracy in 8 bits is measured on the samples asked for, and each step of it is told."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from mmresnet.export.quantization.accuracy import RANKED_ON, Accuracy
from mmresnet.export.samples import Samples

NUMBER = 40


@pytest.fixture
def accuracy():
    """Of a detector with 5 layers; a model is the AP that it has."""
    used = []

    def measure(predict, samples):
        used.append(samples.images)
        return predict

    numbers = list(range(NUMBER))
    samples = Samples("the validation set", numbers, list(map(str, numbers)), numbers)
    task = SimpleNamespace(kind="detector", accuracy=measure)
    models = SimpleNamespace(prepared=lambda model: model)
    made = Accuracy(task, models, samples, layers=5, max_drop=1)
    made.used = used
    return made


def test_each_step_is_told(accuracy, capsys):
    order = list(range(NUMBER))[::-1]
    ranked = order[: RANKED_ON["detector"]]
    accuracy(90.0, order[:1])  # NNCF's question what kind of figures there are
    assert accuracy(50.0, order) == (50, [50] * NUMBER)
    accuracy(48.5, order)
    for layer in range(5):
        accuracy(49.0 + layer, ranked)
    accuracy(49.25, order)
    assert [len(one) for one in accuracy.used] == [1, NUMBER, NUMBER, *[32] * 5, NUMBER]
    assert accuracy.used[3] == ranked
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split(", ")[0] for line in told.err.splitlines()] == [
        "int8: AP 50.00 % in float32",
        "int8: AP 48.50 % in 8 bits",
        "int8: AP 49.25 % after step 1 of returning layers to float32",
    ]
    assert ", more than 1 points less; each layer is tried in float32, up to " in told.err


def test_a_drop_that_is_allowed_is_told_as_it_is(accuracy, capsys):
    accuracy(90.0, [0])
    for model in (50.0, 49.0):
        accuracy(model, range(NUMBER))
    assert capsys.readouterr().err.splitlines()[1] == "int8: AP 49.00 % in 8 bits"
