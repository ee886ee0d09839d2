"""Which Python the scripts use, and the tool that they start several processes with."""

import subprocess
from pathlib import Path

import pytest

from mmresnet.cli import command as cli

TOOLS = Path(__file__).parents[2] / "tools"


def test_a_tool_is_started_with_its_arguments(load_tool, monkeypatch):
    from torch.distributed import run

    started = []
    monkeypatch.setattr(run, "run", started.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with pytest.raises(SystemExit) as caught:
        load_tool("launch").main(["train.py", "2", "config.py", "--nproc", "3"])
    assert caught.value.code == 0
    (options,) = started
    assert (options.nproc_per_node, options.training_script) == ("2", str(TOOLS / "train.py"))
    assert options.training_script_args == ["config.py", "--nproc", "3", "--launcher", "pytorch"]


def test_the_number_of_processes_is_checked(load_tool, capsys):
    assert cli.run(load_tool("launch").main, ["train.py", "two", "config.py"]) == 2
    assert "not 'two'" in capsys.readouterr().err


@pytest.mark.parametrize("script", ["dist_train.sh", "dist_test.sh", "slurm_train.sh"])
def test_a_script_without_arguments_prints_its_usage(script):
    done = subprocess.run([str(TOOLS / script)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


@pytest.fixture
def choose(tmp_path):
    """``choose(*installed, **environment)`` sources python.sh of a checkout in tmp_path.

    ``installed`` are those of the Pythons "active", "checkout" and "own" that have mmresnet.
    """
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "python.sh").write_text((TOOLS / "python.sh").read_text())
    places = {
        "active": tmp_path / "active" / "python",
        "checkout": tmp_path / ".venv" / "bin" / "python",
        "own": tmp_path / "own",
    }

    def run(*installed, **environment):
        for name, path in places.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/sh\nexit {int(name not in installed)}\n")
            path.chmod(0o755)
        if "PYTHON" in environment:
            environment["PYTHON"] = str(places["own"])
        path = f"{places['active'].parent}:/usr/bin:/bin"
        done = subprocess.run(
            ["bash", "-euc", f'. "{tmp_path}/tools/python.sh"; echo "$PYTHON"'],
            env={"PATH": path, **environment},
            capture_output=True,
            text=True,
        )
        names = {str(place): name for name, place in places.items()} | {"python": "active"}
        return done.returncode, names.get(done.stdout.strip()) or done.stderr

    return run


@pytest.mark.parametrize(
    ("environment", "installed", "chosen"),
    [
        ({}, ["active", "checkout"], "checkout"),
        ({}, ["active"], "active"),
        ({"VIRTUAL_ENV": "/active"}, ["active", "checkout"], "active"),
        ({"CONDA_PREFIX": "/base"}, ["checkout"], "checkout"),
        ({"VIRTUAL_ENV": "/active", "PYTHON": "own"}, ["active", "checkout", "own"], "own"),
    ],
)
def test_the_python_given_then_the_active_then_the_checkouts(
    environment, installed, chosen, choose
):
    assert choose(*installed, **environment) == (0, chosen)


@pytest.mark.parametrize(
    ("environment", "installed"), [({}, []), ({"PYTHON": "own"}, ["active", "checkout"])]
)
def test_without_mmresnet_it_is_said_what_to_do(environment, installed, choose):
    code, message = choose(*installed, **environment)
    assert code == 2
    assert "are not installed for" in message
    assert "make demo" in message


@pytest.mark.full
def test_a_fresh_shell_finds_the_checkouts_environment(tmp_path):
    if not (TOOLS.parent / ".venv" / "bin" / "mmresnet").exists():
        pytest.skip("mmresnet is not installed in a .venv of this checkout")
    done = subprocess.run(
        ["bash", str(TOOLS / "dist_train.sh"), "nosuch", "1"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("There is no config 'nosuch'.")
