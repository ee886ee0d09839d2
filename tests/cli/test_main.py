"""The command ``mmresnet``: its table, its help, and what it says of a command that is none."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mmresnet import __version__
from mmresnet.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "numpy", "mmengine", "mmcv", "mmpretrain", "mmdet", "matplotlib")


WORDS = {  # of each command: what the table says
    (name, *further): text
    for name, entry in COMMANDS.items()
    for further, text in (
        [((), entry)]
        if isinstance(entry, str)
        else [((one,), text) for one, text in entry[1].items()]
    )
}
each_command = pytest.mark.parametrize("words", WORDS, ids=" ".join)


def run(*arguments, **environment):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )


@each_command
def test_help_has_an_example_and_imports_nothing_heavy(words):
    code = (
        "import sys; from mmresnet.cli.main import main; sys.argv[0] = '/bin/mmresnet'\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = run("-c", code, *words, "--help")
    assert done.returncode == 0
    assert done.stderr.strip() == ""
    assert f"\n  mmresnet {' '.join(words)}" in done.stdout.partition("examples:")[2]
    assert "%(" not in done.stdout


@each_command
def test_the_table_has_the_first_line_of_the_module(words):
    text = WORDS[words]
    module = import_module(f"mmresnet.cli.{'.'.join(words).replace('-', '_')}")
    assert module.__doc__.splitlines()[0] == f"{text[0].upper()}{text[1:]}."


def test_no_command_prints_the_help(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(f"\n    {name}" in out for name in COMMANDS)
    assert main(["plot"]) == 0
    assert "detections" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian", "config.py"], "There is no command 'trian'. Did you mean 'train'? '.*--help'"),
        (["plot", "curve"], "There is no command 'plot curve'. Did you mean 'curves'? '.* plot "),
        (["xyz"], "There is no command 'xyz'. '.*--help' lists them all."),
    ],
)
def test_an_unknown_command_gets_the_nearest(words, message, capsys):
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    before, _, after = message.partition(".*")
    assert line.startswith(before)
    assert after in line


def test_the_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"mmresnet {__version__}\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mmresnet tr", {"train"}),
        ("mmresnet plot p", {"predictions"}),
        ("mmresnet train resnet20-", {"resnet20-finetune_1xb128_cifar10-images"}),
        ("mmresnet config configs/cust", {"configs/custom/"}),
        ("mmresnet train config.py --auto", {"--auto-scale-lr"}),
        ("mmresnet recipes mask", {"mask-rcnn_r50_fpn_1x_coco"}),
        ("mmresnet weights f", {"fetch"}),
    ],
)
def test_a_shell_completes(line, expected, tmp_path):
    pytest.importorskip("argcomplete")
    words = tmp_path / "words"
    environment = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(words),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    done = run("-m", "mmresnet", **environment)
    assert done.returncode == 0, done.stderr
    completions = {word.strip() for word in words.read_text().split("\013")}
    assert expected <= completions
