"""Hosts that are lost, join, leave or are cut off in a training: network namespaces."""

import subprocess
from signal import SIGTERM

import pytest
import torch
from host_trainings import (
    PORT,
    Trainings,
    check_same,
    hosts,
    kill,
    sizes,
    steps,
    wait_for_step,
    weights,
)

from mmresnet.engine.resume.compare import compare_runs

pytestmark = [pytest.mark.dist, pytest.mark.full]

# a step has two images, six or four, and there are 24 steps, an odd number of which is mid-epoch
TWO = ["train_dataloader.batch_size=2"]
SIX = ["train_dataloader.batch_size=6", "train_cfg.max_epochs=12"]
SHARDS = ["logical_shards=4", "train_dataloader.batch_size=1", "train_cfg.max_epochs=8"]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, tiny_images):
    """``unbroken(options)`` returns the work directory of one process that takes all images."""
    done = {}

    def run(options):
        if str(options) not in done:
            folder = tmp_path_factory.mktemp("unbroken")
            process = Trainings(folder, tiny_images)(None, options=options)
            _, err = process.end()
            assert process.returncode == 0, err[-3000:]
            done[str(options)] = folder / "work"
        return done[str(options)]

    return run


@pytest.fixture
def start(tmp_path, tiny_images):
    """``start(host, …)`` starts a training as :class:`Trainings` does."""
    trainings = Trainings(tmp_path, tiny_images)
    yield trainings
    trainings.close()


def several(first, nodes="1:2"):
    """Return the arguments for one process on each of several hosts."""
    return ["--nproc", "1", "--nnodes", nodes, "--rdzv", f"{first.address}:{PORT}"]


def lose_one(start, work, **settings):
    """Train on two hosts, of which the second is lost in step 8; return what the first one says."""
    with hosts(2) as (first, second):
        stays, lost = (start(host, *several(first), **settings) for host in (first, second))
        wait_for_step(work, 8, stays, lost)
        kill(lost)
        out, err = stays.end()
    assert stays.returncode == 0, err[-3000:]
    assert "All processes start again (restart 1)." in out
    return out


def test_one_that_is_lost_in_mid_epoch_is_gone_on_without(start, unbroken, tmp_path):
    work = tmp_path / "work"
    out = lose_one(start, work)
    assert "1 of at most 2 processes, with 2 images each: 2 images per step" in out
    assert "the checkpoint is of 2 × 1 images per step, this run has 1 × 2" in out
    check_same(work, unbroken(TWO))


def test_some_join_and_one_is_preempted(start, unbroken, tmp_path):
    """One host begins; a second and a third one join; the second one gets SIGTERM."""
    work = tmp_path / "work"
    options = ["train_dataloader.batch_size=2", SIX[1]]  # of each of three processes
    with hosts(3) as (first, second, third):

        def begin(host):
            return start(host, *several(first, "1:3"), options=options, GATES="3 11")

        one = begin(first)
        wait_for_step(work, 3, one)
        two = begin(second)
        wait_for_step(work, 11, one, two, size=2)
        three = begin(third)
        wait_for_step(work, 13, one, two, three, size=3)
        two.send_signal(SIGTERM)
        _, err = two.end(90)
        assert two.returncode == 143, err[-3000:]
        out, err = one.end()
        assert one.returncode == three.wait(60) == 0, err[-3000:]
    assert out.count("Stopped by SIGTERM") == 3  # and saved, before others came and one left
    assert "1 of at most 3 processes, with 6 images each: 6 images per step" in out
    assert out.count("2 of at most 3 processes, with 3 images each: 6 images per step") == 2
    assert out.count("All processes start again") == 1  # those that join do not count
    taken = sorted(sizes(work))
    assert [number for number, _ in taken] == list(range(24)), "no step was lost, or taken twice"
    assert {size for _, size in taken} == {1, 2, 3}
    check_same(work, unbroken(SIX))


def test_one_that_is_cut_off_is_named_and_ends_by_itself(start, unbroken, tmp_path):
    """Its link goes down, and no packet tells the others, nor the host itself."""
    work = tmp_path / "work"
    with hosts(2) as (first, second):
        stays, lost = (start(host, *several(first)) for host in (first, second))
        wait_for_step(work, 8, stays, lost)
        link = ["ip", "-n", second.namespace, "link", "set", "eth0", "down"]
        subprocess.run(link, check=True)
        out, err = stays.end()
        assert stays.returncode == 0, err[-3000:]
        _, of_lost = lost.end(150)
    (line,) = [one for one in err.splitlines() if "All processes end" in one]
    assert line.startswith("Of process 1 (on ") and "nothing was heard for 1" in line
    assert "All processes start again (restart 1)." in out
    check_same(work, unbroken(TWO))
    assert lost.returncode == 1
    told, advice = of_lost.splitlines()
    assert told.startswith("The first process has not been reached for 1")
    assert advice == (
        f"The machines cannot meet at {first.address}:{PORT}, or no longer: the machine there has "
        "ended, or is not reached. Once it is there again, the same command with --resume "
        "continues."
    )


def test_without_the_one_where_they_meet_another_one_can_resume(start, unbroken, tmp_path):
    work = tmp_path / "work"
    with hosts(2) as (first, second):
        lost, other = (start(host, *several(first)) for host in (first, second))
        wait_for_step(work, 8, lost, other)
        kill(lost)
        _, err = other.end(150)
        assert other.returncode == 1
        assert [line for line in err.splitlines() if "cannot meet" in line] == [
            f"The machines cannot meet at {first.address}:{PORT}, or no longer: the machine there "
            "has ended, or is not reached. Once it is there again, the same command with --resume "
            "continues."
        ]
        last = int((work / "last_checkpoint").read_text().rpartition("_")[2].removesuffix(".pth"))
        assert last >= 1
        resumed = start(second, *several(second), "--resume")
        out, err = resumed.end()
    assert resumed.returncode == 0, err[-3000:]
    assert f"Resuming from '{work / f'iter_{last}.pth'}'." in out
    assert max(number for number, size in steps_of_one(work)) == 23
    assert min(number for number, size in steps_of_one(work)) == last
    check_same(work, unbroken(TWO))


def steps_of_one(work):
    return [(number, size) for number, size in sizes(work) if size == 1]


def test_logical_shards_have_the_same_bits_when_a_host_is_lost(start, unbroken, tmp_path):
    """Two hosts have two of four shards each; one is killed; the other one takes all."""
    work = tmp_path / "work"
    lose_one(start, work, options=SHARDS)
    assert sorted(steps(work)) == list(range(24))
    assert {size for _, size in sizes(work)} == {1, 2}
    whole = unbroken(SHARDS)
    expected, found = weights(whole), weights(work)
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    report = compare_runs(whole, work)
    assert set(report) >= {"weights", "optimizer", "random states", "curves"}
    assert set(report.values()) == {"equal"}, report
