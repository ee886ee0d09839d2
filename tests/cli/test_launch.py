"""Several processes: their rendezvous, and ``--nproc``."""

import pytest

from mmresnet.cli import launch
from mmresnet.cli.main import main
from mmresnet.errors import UserError


def test_one_machine_takes_a_free_port():
    *rest, port = launch.rendezvous({})
    assert rest == ["--nnodes=1", "--node_rank=0", "--master_addr=127.0.0.1"]
    assert int(port.removeprefix("--master_port=")) > 1023
    assert launch.rendezvous({"PORT": "29511"})[-1] == "--master_port=29511"


def test_several_machines_meet_at_the_first():
    given = {"NNODES": "2", "NODE_RANK": "1", "MASTER_ADDR": "first", "PORT": "29511"}
    wanted = ["--nnodes=2", "--node_rank=1", "--master_addr=first", "--master_port=29511"]
    assert launch.rendezvous(given) == wanted
    with pytest.raises(UserError, match="MASTER_ADDR, PORT"):
        launch.rendezvous({"NNODES": "2", "NODE_RANK": "1"})


def test_the_number_of_processes_is_checked(capsys):
    assert main(["train", "config.py", "--nproc", "two"]) == 2
    assert "must be a positive integer, not 'two'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "test"])
def test_torchrun_gets_the_command_as_it_was_given(command, monkeypatch):
    from torch.distributed import run

    started = []
    monkeypatch.setattr(run, "run", started.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
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
