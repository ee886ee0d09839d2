"""Errors that users cause become one line and an exit code; others keep their traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmresnet.cli import command as cli
from mmresnet.errors import UserError


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    for name in ("LOCAL_RANK", "SLURM_PROCID", "MMRESNET_DEBUG"):
        monkeypatch.delenv(name, raising=False)


def fail_with(error):
    def main(argv):
        raise error

    return main


BROKEN_IMAGE = AssertionError("failed to load image: a/b.jpg")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("Say this."), 2, "Say this."),
        (BROKEN_IMAGE, 1, "'a/b.jpg' cannot be decoded"),
        (RuntimeError(f"assert x, f'failed to load image: {{n}}'\n{BROKEN_IMAGE}"), 1, "'a/b.jpg'"),
        (ValueError("Expected more than 1 value per channel when training"), 1, "at least 2"),
        (KeyboardInterrupt(), 130, "Interrupted."),
    ],
)
def test_a_known_error_is_one_line_and_a_code(error, code, words, capsys):
    assert cli.run(fail_with(error)) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_only_a_training_that_saves_can_be_resumed(capsys):
    for options, end in (([], "config.py --resume\n"), (["--profile"], "Interrupted.\n")):
        argv = ["train", "config.py", *options]
        assert cli.run(fail_with(KeyboardInterrupt()), argv, resumable=True) == 130
        assert capsys.readouterr().err.endswith(end)


def test_a_bug_is_not_hidden():
    with pytest.raises(ValueError, match="a bug"):
        cli.run(fail_with(ValueError("a bug")))


def test_a_refused_argument_is_a_user_error(capsys):
    def main(argv):
        from mmresnet.models.backbones import ResNet

        ResNet(depth=51)

    assert cli.run(main) == 2
    assert "18, 34, 50, 101, 152" in capsys.readouterr().err


def test_the_traceback_can_be_shown(monkeypatch):
    monkeypatch.setenv("MMRESNET_DEBUG", "1")
    with pytest.raises(UserError):
        cli.run(fail_with(UserError("Say this.")))


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (["c.py", "--cfg-options", "a=(1, 2)"], "c.py --cfg-options 'a=(1, 2)' --resume"),
        (["c.py", "--resume"], "c.py --resume"),
    ],
)
def test_an_interruption_prints_how_to_resume(given, command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tools/train.py"])
    assert cli.run(fail_with(KeyboardInterrupt()), given, resumable=True) == 130
    assert capsys.readouterr().err.endswith(f": python tools/train.py {command}\n")


def test_processes_tell_a_mistake_once_but_each_its_own_failure(monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert cli.run(fail_with(UserError("Say this."))) == 2
    assert cli.run(fail_with(KeyboardInterrupt()), resumable=True) == 130
    assert capsys.readouterr().err == ""
    assert cli.run(fail_with(BROKEN_IMAGE)) == 1
    assert capsys.readouterr().err.startswith("[rank 1] The image 'a/b.jpg'")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert cli.run(fail_with(KeyboardInterrupt()), resumable=True) == 130
    assert "the same command with --resume" in capsys.readouterr().err


THREADS = Path("/proc/self/task")


@pytest.mark.skipif(not THREADS.is_dir(), reason="threads are listed by Linux")
def test_a_run_in_several_processes_ends_its_threads(tmp_path):
    import mmengine.runner  # noqa: F401  before the group, as in a run
    import torch
    from torch import distributed

    def new_threads():
        return {path.name for path in THREADS.iterdir()} - before

    def main(argv):
        distributed.init_process_group(
            "gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1
        )
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 2))
        model(torch.ones(1, 2)).sum().backward()
        model.circle = [model]  # as a Runner and its hooks know each other
        of_group.update(new_threads())

    before, of_group = set(), set()
    torch.ones(1, requires_grad=True).sum().backward()  # starts autograd's threads, which remain
    before = new_threads()
    assert cli.run(main) == 0
    assert not distributed.is_initialized()
    assert of_group
    assert new_threads() == set()


def test_options_are_values():
    given = ["a.b=1", "c=(1, 2)", "d=text", "e=True", "f=x=y"]
    wanted = {"a.b": 1, "c": (1, 2), "d": "text", "e": True, "f": "x=y"}
    assert cli.parse_options(given) == wanted
    with pytest.raises(UserError, match="key=value"):
        cli.parse_options(["nothing"])


def test_output_that_nobody_reads_is_no_traceback():
    code = (
        "import sys; from mmresnet.cli import command\n"
        "sys.exit(command.run(lambda argv: [print('line' * 20) for _ in range(5000)]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
