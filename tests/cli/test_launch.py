"""Several processes: ``--nproc``, and what becomes of them."""

import os

import pytest

from mmresnet.cli import launch
from mmresnet.cli.main import main
from mmresnet.cli.rendezvous import Machines, free_port


def test_the_numbers_are_checked(capsys):
    assert main(["train", "config.py", "--nproc", "two"]) == 2
    assert "must be a positive integer, not 'two'" in capsys.readouterr().err
    assert main(["train", "config.py", "--nproc", "2", "--max-restarts", "-1"]) == 2
    assert "--max-restarts takes a number from 0 on, not '-1'" in capsys.readouterr().err


class Failure:
    def __init__(self, exitcode, timestamp):
        self.exitcode, self.timestamp = exitcode, timestamp


def test_the_first_cause_of_failures():
    lost, killed, ended = Failure(1, 100), Failure(-9, 101), Failure(-15, 100)
    assert launch.first_cause({0: lost, 1: killed, 2: ended}) is killed
    assert launch.first_cause({0: lost, 1: Failure(-9, 130)}) is lost  # by torchrun, to end it
    assert launch.first_cause({0: ended, 1: lost}) is ended


class RendezvousTimeoutError(Exception):
    pass


class RendezvousClosedError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RendezvousTimeoutError(), "Fewer than 2 machines have come to node0:29400 in time"),
        (RendezvousClosedError(), "ended on another machine"),
        (RuntimeError(), "cannot meet at node0:29400, or no longer"),
    ],
)
def test_machines_that_do_not_meet(error, message):
    assert message in launch.explain_rendezvous(error, Machines(2, 4, "node0", 29400))


def test_machines_without_processes(capsys):
    assert main(["train", "config.py", "--nnodes", "2", "--rdzv", "node0:29400"]) == 2
    assert "--nnodes and --rdzv also need --nproc" in capsys.readouterr().err


def test_machines_that_come_and_go_start_again_by_themselves(monkeypatch):
    from torch.distributed import run

    started = []
    monkeypatch.setattr(run, "run", started.append)
    for name in ("OMP_NUM_THREADS", "MMRESNET_STARTED", "MMRESNET_MOST_PROCESSES"):
        monkeypatch.setenv(name, "1")
    for name in ("GLOO_SOCKET_IFNAME", "TORCH_CPP_LOG_LEVEL", "TORCH_FR_BUFFER_SIZE"):
        monkeypatch.setenv(name, "")
    place = ["--nnodes", "1:4", "--rdzv", f"127.0.0.1:{free_port()}"]
    with pytest.raises(SystemExit) as caught:
        main(["train", "config.py", "--nproc", "2", *place])
    assert caught.value.code == 0
    (options,) = started
    assert (options.nnodes, options.max_restarts, options.rdzv_backend) == ("1:4", 3, "c10d")
    assert os.environ["MMRESNET_MOST_PROCESSES"] == "8"


@pytest.mark.parametrize("command", ["train", "test"])
def test_torchrun_gets_the_command_as_it_was_given(command, monkeypatch):
    from torch.distributed import run

    started = []
    monkeypatch.setattr(run, "run", started.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MMRESNET_STARTED", "")  # to be restored, as launch sets it
    arguments = [*["config.py", "weights.pth"][: 1 + (command == "test")]]
    arguments += ["--nproc", "2", "--cfg-options", "a=(1, 2)"]
    with pytest.raises(SystemExit) as caught:
        main([command, *arguments])
    assert caught.value.code == 0
    (options,) = started
    assert options.module
    assert options.nproc_per_node == "2"
    assert options.training_script == "mmresnet"
    assert options.training_script_args == [command, *arguments, "--launcher", "pytorch"]


def test_the_processes_start_no_others(monkeypatch, capsys):
    monkeypatch.setattr(launch, "launch", lambda *args, **settings: pytest.fail("started again"))
    arguments = ["train", "nosuch.py", "--nproc", "2", "--launcher", "pytorch"]
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert main(arguments) == 2
    assert "There is no config 'nosuch.py'" in capsys.readouterr().err
