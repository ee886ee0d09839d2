"""The hook notes where the training stands; heartbeats are tried with real processes elsewhere."""

import platform
from types import SimpleNamespace

import pytest

from mmresnet.engine.nodes import hook as module
from mmresnet.engine.nodes.hook import ProcessesHook
from mmresnet.errors import UserError, UserValueError


@pytest.mark.parametrize("value", [0, -1, "long", True])
def test_the_times_are_numbers_of_seconds(value):
    with pytest.raises(UserValueError, match="timeout takes a number of seconds"):
        ProcessesHook(timeout=value)
    with pytest.raises(UserValueError, match="patience takes a number of seconds"):
        ProcessesHook(patience=value)


def test_one_process_watches_nobody():
    hook = ProcessesHook()
    hook.before_train(None)
    hook.after_train(None)
    assert hook._heartbeats is None


def test_a_process_with_fewer_samples_ends_the_training_before_it_begins(monkeypatch):
    given = iter([("digest", "node1"), {"number of samples": 11}])
    monkeypatch.setattr(module, "get_dist_info", lambda: (0, 2))
    monkeypatch.setattr(module, "all_gather_object", lambda own: [own, next(given)])
    data = SimpleNamespace(train_dataloader=SimpleNamespace(dataset=range(12)), cfg={})
    with pytest.raises(UserError) as caught:
        ProcessesHook().before_train(data)
    assert str(caught.value) == (
        "Process 1 (on node1) has other training data than the first process: number of samples is "
        f"11, not 12. Copy them anew. (This is {platform.node()}.)"
    )


def test_positions_ascend_through_steps_validations_and_epochs():
    class Runner:
        iter = 0

    hook, runner, seen = ProcessesHook(), Runner(), []

    def note(event, *arguments):
        getattr(hook, event)(runner, *arguments)
        seen.append(hook._position.beat())

    for _ in range(2):  # epochs of two iterations
        note("before_train_epoch")
        for i in range(2):
            note("before_train_iter", i)
            hook._has_gradients(runner, None)
            seen.append(hook._position.beat())
            hook._steps(runner)
            seen.append(hook._position.beat())
            note("after_train_iter", i)
            runner.iter += 1
        note("after_train_epoch")
        for i in range(3):
            note("before_val_iter", i)
            note("after_val_iter", i)
    assert [one.at for one in seen] == sorted({one.at for one in seen})
    assert seen[1].place == "in iteration 1, computing" and not seen[1].waits
    assert seen[2].place == "in iteration 1, waiting for the others' gradients" and seen[2].waits
    assert seen[-1].steps == 4
    assert seen[-1].stack[0].startswith("nodes/position.py:")
