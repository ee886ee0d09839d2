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


def test_the_numbers_are_checked(capsys):
    assert main(["train", "config.py", "--nproc", "two"]) == 2
    assert "must be a positive integer, not 'two'" in capsys.readouterr().err
    assert main(["train", "config.py", "--nproc", "2", "--max-restarts", "-1"]) == 2
    assert "--max-restarts takes a number from 0 on, not '-1'" in capsys.readouterr().err


def test_processes_that_start_again_meet_in_another_store():
    *rest, local = launch.rendezvous({"PORT": "29511"}, restarts=1)
    assert rest == [
        "--nnodes=1",
        "--rdzv_backend=c10d",
        "--rdzv_id=mmresnet",
        "--rdzv_endpoint=127.0.0.1:29511",
    ]
    assert local == "--local_addr=127.0.0.1"
    given = {"NNODES": "2", "NODE_RANK": "1", "MASTER_ADDR": "first", "PORT": "29511"}
    assert launch.rendezvous(given, restarts=1)[-1] == "--rdzv_endpoint=first:29511"


class Failure:
    def __init__(self, exitcode, timestamp):
        self.exitcode, self.timestamp = exitcode, timestamp


def test_the_first_cause_of_failures():
    lost, killed, ended = Failure(1, 100), Failure(-9, 101), Failure(-15, 100)
    assert launch.first_cause({0: lost, 1: killed, 2: ended}) is killed
    assert launch.first_cause({0: lost, 1: Failure(-9, 130)}) is lost  # by torchrun, to end it
    assert launch.first_cause({0: ended, 1: lost}) is ended


def test_a_checkpoint_of_an_earlier_run_is_not_continued_from(tmp_path, monkeypatch):
    assert not launch.wrote_checkpoint(str(tmp_path))
    (tmp_path / "last_checkpoint").write_text("epoch_1.pth")
    written = (tmp_path / "last_checkpoint").stat().st_mtime
    for started, expected in ((written - 1, True), (written + 1, False)):
        monkeypatch.setenv("MMRESNET_STARTED", str(started))
        assert launch.wrote_checkpoint(str(tmp_path)) == expected


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
