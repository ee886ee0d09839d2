"""Which Python the scripts use, and the rendezvous of several processes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(scope="module")
def launch(load_tool):
    return load_tool("launch")


def test_one_machine_takes_a_free_port(launch):
    *rest, port = launch.rendezvous({})
    assert rest == ["--nnodes=1", "--node_rank=0", "--master_addr=127.0.0.1"]
    assert int(port.removeprefix("--master_port=")) > 1023
    assert launch.rendezvous({"PORT": "29511"})[-1] == "--master_port=29511"


def test_several_machines_meet_at_the_first(launch):
    given = {"NNODES": "2", "NODE_RANK": "1", "MASTER_ADDR": "first", "PORT": "29511"}
    wanted = ["--nnodes=2", "--node_rank=1", "--master_addr=first", "--master_port=29511"]
    assert launch.rendezvous(given) == wanted
    with pytest.raises(SystemExit, match="MASTER_ADDR, PORT"):
        launch.rendezvous({"NNODES": "2", "NODE_RANK": "1"})


def test_the_number_of_processes_is_checked(launch):
    with pytest.raises(SystemExit, match="not 'two'"):
        launch.main("train.py", "two", ["config.py"])


@pytest.mark.parametrize("script", ["dist_train.sh", "dist_test.sh", "slurm_train.sh"])
def test_a_script_without_arguments_prints_its_usage(script):
    done = subprocess.run([str(TOOLS / script)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, "{checkout}/.venv/bin/python"),
        ({"VIRTUAL_ENV": "/active"}, "python"),
        ({"VIRTUAL_ENV": "/active", "PYTHON": "/own/python"}, "/own/python"),
    ],
)
def test_the_python_given_then_the_active_then_the_checkouts(environment, chosen, tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(TOOLS / "python.sh", tmp_path / "tools")
    python = tmp_path / ".venv" / "bin" / "python"
    python.touch(mode=0o755)
    clean = {"PATH": os.environ["PATH"], **environment}
    command = f'. "{tmp_path}/tools/python.sh"; echo "$PYTHON"'
    done = subprocess.run(["bash", "-c", command], env=clean, capture_output=True, text=True)
    assert done.stdout.strip() == chosen.format(checkout=tmp_path)
