"""Train in processes that are killed while they save; print what was found after each kill.

    python kill_while_saving.py FOLDER KILLS

Each process resumes from what the one before has left. Its checkpoints of 2 MB are written at every
iteration, without a pause. After each kill every file under a final name has to be intact.
"""

import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import matplotlib.figure  # noqa: F401  a Runner imports it, and its optimizer the next: once
import torch
import torch._dynamo
from mmengine.runner import Runner
from tiny_runs import names, tiny_run

from mmresnet.engine.checkpoints.files import damage


def train(folder: Path) -> None:
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        tiny_run(
            folder,
            train_cfg={"by_epoch": False, "max_iters": 100_000, "val_interval": 3},
            by_epoch=False,
            interval=1,
            max_keep_ckpts=2,
            ballast=500_000,
            resume=True,
        ).train()


def main() -> None:
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    Runner._log_env = lambda *_: None  # which takes seconds
    torch.set_num_threads(1)  # a fork has no other threads
    generator = random.Random(0)
    marker, reached, partial = folder / "last_checkpoint", 0, 0
    for number in range(kills):
        before = marker.read_text() if marker.exists() else ""
        process = os.fork()
        if process == 0:
            train(folder)
            os._exit(1)  # it ended by itself
        while not marker.exists() or marker.read_text() == before:
            time.sleep(0.01)
            assert os.waitpid(process, os.WNOHANG) == (0, 0), "the training failed"
        time.sleep(generator.random() * 0.3)
        os.kill(process, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
        found = {path: damage(path) for path in folder.rglob("*.pth") if path.name[0] != "."}
        assert set(found.values()) == {None}, found
        newest = Path(marker.read_text())
        assert newest in found, (newest, found)
        done = torch.load(newest, weights_only=True)["meta"]["iter"]
        assert done > reached, (done, reached)
        reached = done
        partial += any(name[0] == "." for name in names(folder))
        print(f"kill {number + 1}: iteration {done}, {len(found)} intact", file=sys.stderr)
    print(f"{kills} kills, {partial} of them while a file was written, {reached} iterations")


if __name__ == "__main__":
    main()
