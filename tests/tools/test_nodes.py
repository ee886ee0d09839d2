"""Processes of ``mmresnet train`` that hang, and machines with other data or settings."""

import json
import re
import shutil
import socket
import time

import pytest
from host_trainings import Trainings, wait_for_step

pytestmark = [pytest.mark.dist, pytest.mark.full]


@pytest.fixture
def start(tmp_path, tiny_images):
    """``start(None, …)`` starts a training on this machine as :class:`Trainings` does."""
    trainings = Trainings(tmp_path, tiny_images)
    yield trainings
    trainings.close()


@pytest.mark.parametrize("hang", ["sleep 1", "sleep 0", "stop 1", "stop 0"])
def test_a_process_that_hangs_is_named_and_all_end(hang, start, tmp_path):
    """It sleeps, or is stopped so that not even its heart beats; of two, or the first itself."""
    how, rank = hang.split()
    process = start(None, "--nproc", "2", HANG=hang)
    wait_for_step(tmp_path / "work", 8, process)
    begun = time.monotonic()
    _, err = process.end(200)
    assert process.returncode == 1
    assert time.monotonic() - begun < 60 + 30  # torchrun gives those that are left 30 s to end
    (line,) = [one for one in err.splitlines() if "All processes end" in one]
    if hang == "stop 0":
        assert line.startswith("The first process has not been reached for ")
    elif how == "stop":
        assert line.startswith("Of process 1 (on ")
        assert " nothing was heard for " in line
        # as it last said, a few seconds before: the first steps may take less
        assert re.search(r"It stood (at the start|(before|in|after) .*iteration \d+)", line)
    else:
        assert line.startswith(f"Process {rank} (on ")
        assert "It stands before iteration 10, loading images or in a hook: " in line
        assert "record_steps.py:" in line and "before_train_iter" in line
        assert "The others stand in iteration 10, waiting for the others' gradients" in line
    (folder,) = (tmp_path / "work").glob("*/processes")
    written = {path.name for path in folder.iterdir()}
    alive = {"0", "1"} - ({rank} if how == "stop" else set())
    assert written == {f"rank{one}.{kind}" for one in alive for kind in ("txt", "json")}
    recorded = json.loads((folder / f"rank{min(alive)}.json").read_text())
    assert recorded["entries"][-1]["profiling_name"].startswith("gloo:")
    if how == "sleep":
        assert "before_train_iter" in (folder / f"rank{rank}.txt").read_text()


@pytest.fixture
def two_machines(start):
    """``two_machines(*options)`` starts two launchers as of two machines, with options of each."""

    def run(*options):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{listener.getsockname()[1]}"
        arguments = ["--nproc", "1", "--nnodes", "2", "--rdzv", place]
        processes = [start(None, *arguments, options=own) for own in options]
        return [(one.end(200)[1], one.returncode) for one in processes]

    return run


@pytest.mark.parametrize("what", ["config", "data", "fewer samples", "no data"])
def test_a_machine_with_another_version_is_told_in_one_message(
    what, two_machines, tiny_images, tmp_path
):
    other, first, both = tmp_path / "other", [], []
    shutil.copytree(tiny_images, other)
    if what == "config":
        other = ["optim_wrapper.optimizer.lr=0.02"]
        message = "has another config than the first process: optim_wrapper.optimizer.lr is 0.0"
    elif what == "data":
        (other / "train" / "cat" / "0.jpg").unlink()
        other = [f"data_root={other}"]
        # the two are one machine, which lists its files once: the sizes tell
        message = "has other training data than the first process: sizes of image files"
    elif what == "fewer samples":
        one = tmp_path / "one"
        shutil.copytree(tiny_images, one)
        names = sorted(path.relative_to(one / "train") for path in one.glob("train/*/*.jpg"))
        lines = [f"{name} {('cat', 'dog', 'owl').index(name.parts[0])}\n" for name in names]
        for root, number in ((one, 12), (other, 10)):
            (root / "train.txt").write_text("".join(lines[:number]))
        both = ["train_dataloader.dataset.ann_file=train.txt"]
        first, other = [f"data_root={one}"], [f"data_root={other}"]
        message = "has other training data than the first process: number of samples is 10, not 12"
    else:
        shutil.rmtree(other / "train")
        other = [f"data_root={other}"]
        message = f"the data folder '{tmp_path}/other/train' does not exist"
    for err, code in two_machines([*both, *first], [*both, *other]):
        assert code == 2, err[-3000:]
        lines = [line for line in err.splitlines() if line and "[c10d]" not in line]
        assert len(lines) == 1, "\n".join(line[:160] for line in lines)
        assert message in lines[0]
