"""Processes exchange values before they have a process group; threads stand for them here."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from torch.distributed import HashStore

from mmresnet.engine.nodes.meeting import Meeting
from mmresnet.errors import UserError


@pytest.fixture
def meet():
    """``meet(*acts)`` calls each with a meeting of its own; returns results or errors, by rank."""

    def run(*acts):
        store = HashStore()

        def one(rank):
            meeting = Meeting()
            meeting.rank, meeting.size, meeting._store = rank, len(acts), store
            try:
                with meeting.settling():
                    return acts[rank](meeting)
            except UserError as error:
                return error

        with ThreadPoolExecutor(len(acts)) as pool:
            return list(pool.map(one, range(len(acts))))

    return run


def test_each_gets_the_values_of_all_by_rank(meet):
    def twice(meeting):
        return meeting.exchange([meeting.rank]), meeting.exchange(10 * meeting.rank)

    assert meet(twice, twice, twice) == [([[0], [1], [2]], [0, 10, 20])] * 3


def test_a_mistake_of_one_is_told_to_all(meet):
    def fail(meeting):
        raise UserError("There is no folder 'data'.")

    others = [lambda meeting: meeting.exchange(1)] * 2
    for first, error in enumerate(meet(others[0], fail, others[1])):
        assert str(error).endswith("There is no folder 'data'.")
        assert str(error).startswith("Process 1 (on ") == (first != 1)


def test_nobody_leaves_before_all_have_heard_of_a_mistake():
    """They hear it from the first process, with which the store ends."""
    store, order = HashStore(), []

    def one(rank):
        meeting = Meeting()
        meeting.rank, meeting.size, meeting._store = rank, 2, store
        if rank:
            time.sleep(0.3)
            order.append("comes")
        with pytest.raises(UserError, match="There is none"), meeting.settling():
            if not rank:
                raise UserError("There is none.")
            meeting.exchange(1)
        order.append(rank)

    with ThreadPoolExecutor(2) as pool:
        for result in [pool.submit(one, rank) for rank in range(2)]:
            result.result(60)
    assert order[0] == "comes" and sorted(order[1:]) == [0, 1]
    assert store.add("heard", 0) == 2


def test_a_mistake_that_all_make_is_told_by_each(meet):
    def compare(meeting):
        if len(set(meeting.exchange(meeting.rank))) > 1:
            raise UserError("They differ.")

    assert [str(error) for error in meet(compare, compare)] == ["They differ."] * 2


def test_one_process_is_alone():
    assert Meeting.join("none").exchange(7) == [7]


def test_one_that_does_not_come_is_named(meet, monkeypatch):
    from mmresnet.engine.nodes import meeting as module

    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    first, _ = meet(lambda meeting: meeting.exchange(1), lambda meeting: None)
    assert "Process 1 of 2 has not come within 0.1 s" in str(first)
