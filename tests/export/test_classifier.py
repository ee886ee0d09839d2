"""What is exported of a classifier: which weights, which scores."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmpretrain")

from mmresnet.engine.assembly import load_model, prepare  # noqa: E402
from mmresnet.errors import UserError  # noqa: E402
from mmresnet.export.classifier import ClassifierTask  # noqa: E402
from mmresnet.export.parity import Tolerance  # noqa: E402
from mmresnet.export.samples import find_samples  # noqa: E402
from mmresnet.weights.checkpoint import read  # noqa: E402

RECIPE = "digits_resnet20"
SHAPE = [None, None, None, 3]


@pytest.fixture
def task_of(small_options, small_checkpoint, tmp_path):
    """``task_of(change)`` returns the task of the small classifier, its checkpoint changed."""

    def make(change=lambda content: None, **options):
        content = torch.load(small_checkpoint, weights_only=True)
        change(content)
        torch.save(content, tmp_path / "changed.pth")
        cfg = prepare(RECIPE, {**small_options, "model.head.num_classes": 3, **options})
        content = read(tmp_path / "changed.pth")
        task = ClassifierTask(cfg, content, load_model(cfg, content, "cpu"))
        return task, find_samples(cfg, task.preparation, [], 6)

    return make


def predict_of(task):
    return lambda images: [one.numpy() for one in task.module(torch.from_numpy(images))]


def test_its_scores_are_the_models(task_of):
    task, samples = task_of()
    parity = task.verify(predict_of(task), samples, SHAPE, Tolerance())
    assert task.classes == ["cat", "dog", "owl"]
    assert parity.problems == []
    assert parity.figures["largest_difference"] < 1e-5
    assert parity.figures["accuracy"] == parity.figures["accuracy_of_model"] == 100


def parity_scores(task, samples):
    return [predict_of(task)(image[None])[0] for image in samples.images]


def test_a_calibrated_model_divides_its_logits(task_of):
    plain, samples = task_of()
    calibrated, _ = task_of(lambda content: content["meta"].update(temperature=3.0))
    assert calibrated.notes["temperature"] == 3
    parity = calibrated.verify(predict_of(calibrated), samples, SHAPE, Tolerance())
    assert parity.problems == []
    before, after = (
        torch.from_numpy(np.concatenate(parity_scores(task, samples))).double()
        for task in (plain, calibrated)
    )
    torch.testing.assert_close(after, (before.log() / 3).softmax(1), atol=1e-5, rtol=1e-3)


def test_the_weights_are_the_average_of_a_training(task_of):
    """mmengine's EMAHook saves the average as the weights, and the weights beside it."""

    def average(content):
        others = {f"module.{name}": one.float() * 0 for name, one in content["state_dict"].items()}
        content["ema_state_dict"] = others

    plain, samples = task_of()
    averaged, _ = task_of(average)
    for one, other in zip(*(parity_scores(t, samples) for t in (plain, averaged)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_scores_of_several_labels_are_sigmoids(task_of):
    head = {"type": "mmresnet.MultiLabelLinearClsHead", "num_classes": 3, "in_channels": 64}
    task, samples = task_of(**{"model.head": {"_delete_": True, **head}})
    assert task.notes["scores"] == "sigmoid"
    parity = task.verify(predict_of(task), samples, SHAPE, Tolerance())
    assert parity.problems == []
    assert "accuracy" not in parity.figures


@pytest.mark.parametrize("wrong", [np.nan, 0.5])
def test_wrong_scores_are_a_problem(task_of, wrong):
    task, samples = task_of()

    def predict(images):
        (scores,) = predict_of(task)(images)
        if images.shape[1:3] == (24, 16) and len(images) == 7:  # only there
            scores[3, 1] += wrong
        return [scores]

    parity = task.verify(predict, samples, SHAPE, Tolerance())
    (problem,) = parity.problems
    assert problem.startswith("scores differ by up to ")
    assert parity.images.shape == (7, 24, 16, 3)
    assert task.verify(predict, samples, [None, 16, 16, 3], Tolerance()).problems == []


def test_the_other_class_is_a_problem_whatever_the_scores(task_of):
    task, samples = task_of()
    rolled = lambda images: [np.roll(predict_of(task)(images)[0], 1, 1)]  # noqa: E731
    parity = task.verify(rolled, samples, SHAPE, Tolerance(difference=None))
    assert any(
        problem.startswith("the best class is the same for 0 of 6") for problem in parity.problems
    )


def test_a_model_without_a_head_is_refused(task_of):
    with pytest.raises(UserError, match="gives no class scores"):
        ClassifierTask(prepare(RECIPE), {}, torch.nn.Linear(1, 1))
