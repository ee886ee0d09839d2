"""Two processes add numbers, watched by heartbeats, and one of them hangs as the arguments say."""

import os
import signal
import sys
import time

import torch
from torch import distributed

from mmresnet.engine.nodes.heartbeats import Heartbeats
from mmresnet.engine.nodes.position import Position


def stay() -> None:
    time.sleep(1000)


def compute(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))


def main(folder: str, how: str, which: str) -> None:
    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    position = Position(rank)
    heartbeats = Heartbeats(position, folder, timeout=10, patience=20, warn=print)
    heartbeats.start()
    for number in range(4):
        position.enter((number, 2, 0), f"in iteration {number + 1}, computing")
        if number == 2 and rank == int(which):
            if how == "sleeps":
                stay()
            if how == "is stopped":
                time.sleep(4)  # a beat says where it stands
                os.kill(os.getpid(), signal.SIGSTOP)
            if how == "computes":
                compute(1000)
        if number == 2 and how == "waits":  # for a message that the other one never sends
            distributed.recv(torch.empty(1), 1 - rank)
        position.enter((number, 3, 0), f"in iteration {number + 1}, waiting", waits=True)
        distributed.all_reduce(torch.ones(1))
    heartbeats.close()
    print(f"{rank} has ended")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
