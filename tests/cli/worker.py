"""Two processes sum numbers, and the second one fails as its argument says."""

import os
import signal
import sys
from pathlib import Path

import torch
from torch import distributed

from mmresnet.cli.command import run
from mmresnet.errors import UserError


def main(arguments: list[str]) -> None:
    distributed.init_process_group("gloo")
    fails = distributed.get_rank() == 1 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    for number in range(6):
        if number == 3 and arguments[0] == "mistake":
            raise UserError("A mistake.")
        if number == 3 and fails and arguments[0] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 3 and fails and arguments[0] == "allocates":
            torch.empty(10**15)
        if number == 3 and fails and arguments[0] == "exceeds":
            Path(os.environ["CGROUP"], "cgroup.procs").write_text(str(os.getpid()))
            torch.ones(10**9)  # 4 GB
        if number == 3 and fails:
            raise ZeroDivisionError("of the second process")
        distributed.all_reduce(torch.ones(1))
    if distributed.get_rank() == 0:
        print("both went on", flush=True)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
