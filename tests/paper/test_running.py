"""Steps run once, in order, and go on where they were left."""

import json
import os
import signal
import threading
import time
from datetime import datetime

import pytest

from mmresnet.errors import UserError
from mmresnet.paper.running import Work, record_of, run_all


def work(folder, name, *words):
    return Work(name, list(words), record_of(str(folder), name))


def test_steps_run_once_and_what_they_print_is_kept(tmp_path, capfd):
    steps = [work(tmp_path, "a", "recipes", "plain18_8xb32_in1k")]
    run_all(steps)
    out = capfd.readouterr().out
    assert out.startswith("[1/1] mmresnet recipes plain18_8xb32_in1k\n")
    assert "Plain-18" in out and steps[0].printed in out
    content = json.loads((tmp_path / "steps" / "a.json").read_text())
    assert content["command"] == "mmresnet recipes plain18_8xb32_in1k"
    assert datetime.fromisoformat(content["finished"]).tzinfo is not None

    run_all([*steps, work(tmp_path, "b", "--version")])
    out = capfd.readouterr().out
    assert "[1/2] mmresnet recipes plain18_8xb32_in1k  (finished)\n[2/2] mmresnet --version" in out
    assert "Plain-18" not in out


def test_a_step_that_fails_ends_the_run_and_is_run_again(tmp_path, capfd):
    steps = [work(tmp_path, "a", "recipes", "no such recipe"), work(tmp_path, "b", "--version")]
    for _ in range(2):
        with pytest.raises(SystemExit) as caught:
            run_all(steps)
        assert caught.value.code == 2
        captured = capfd.readouterr()
        assert "No recipe has 'no such recipe' in its name" in captured.err
        assert captured.err.splitlines()[-1] == (
            "Step 1 of 2, 'a', ended with exit code 2. The same command goes on from there."
        )
        assert "--version" not in captured.out
    assert json.loads((tmp_path / "steps" / "a.json").read_text())["finished"] is None


def test_another_command_under_the_same_name_is_refused_before_anything_runs(tmp_path, capfd):
    run_all([work(tmp_path, "b", "--version")])
    capfd.readouterr()
    with pytest.raises(UserError, match=r"of another command: 'mmresnet --version'.*another --out"):
        run_all([work(tmp_path, "a", "--version"), work(tmp_path, "b", "recipes", "plain")])
    assert capfd.readouterr().out == ""
    assert not (tmp_path / "steps" / "a.json").exists()


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that makes each step a shell script, in the place of Python."""

    def use(text):
        script = tmp_path / "program.sh"
        script.write_text(f"#!/bin/sh\ncd '{tmp_path}'\n{text}\n")
        script.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(script))

    return use


def test_a_step_that_is_killed_gives_the_code_that_a_shell_does(tmp_path, program):
    program("kill -9 $$")
    with pytest.raises(SystemExit) as caught:
        run_all([work(tmp_path, "a", "train")])
    assert caught.value.code == 128 + 9


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_for_the_step_which_saves_and_ends(sent, tmp_path, program):
    """SIGTERM is passed on. SIGINT, which a terminal sends to both, does not end this process."""
    program(
        "trap 'touch saved; exit 143' TERM; touch ready; while [ ! -e go ]; do sleep 0.05; done"
    )

    def send():
        while not (tmp_path / "ready").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), sent)
        if sent == signal.SIGINT:
            (tmp_path / "go").touch()

    before = signal.getsignal(sent)
    thread = threading.Thread(target=send)
    thread.start()
    if sent == signal.SIGTERM:
        with pytest.raises(SystemExit) as caught:
            run_all([work(tmp_path, "a", "train")])
        assert caught.value.code == 143
        assert (tmp_path / "saved").exists()
    else:
        run_all([work(tmp_path, "a", "train")])
    thread.join()
    assert signal.getsignal(sent) is before
