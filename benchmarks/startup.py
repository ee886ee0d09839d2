"""Time the start: to the message about a mistake, and to the end of the first iteration.

    mmresnet benchmark startup DIGITS -n 5      # after: mmresnet demo-data digits DIGITS

Prints a Markdown table: the minimum and the median of n runs, in seconds: the time until the first
line is printed and until the end, and CPU time, each in a new process, the kinds alternating. After
a mistake that is found without torch, the rest of the config is still checked. The first iteration
is that of the config ``digits_resnet20``, by mmpretrain's ``tools/train.py`` and by ``mmresnet
train``. "The packages alone" imports torch, torchvision and mmengine's Runner as they are, and
takes a step of SGD.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measuring import print_heading, print_table

from mmresnet.config.find import recipe_paths

HOOK = """
import os

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class EndAfterAnIteration(Hook):
    def after_train_iter(self, runner, *args, **kwargs):
        os._exit(99)
"""
ALONE = """
import mmengine.runner, torch, torchvision
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
model(torch.ones(1, 2)).sum().backward()
optimizer.step()
"""


def run(command: list[str], folder: Path, expected: int) -> tuple[float, float, float]:
    """Return the time until the first line and until the end, and CPU time.

    Args:
        expected: The exit code.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(folder)])}
    before, start = os.times(), time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.readline()
        first = time.perf_counter() - start
        printed += process.stdout.read()
    wall, after = time.perf_counter() - start, os.times()
    assert process.returncode == expected, printed[-2000:]
    used = after.children_user + after.children_system
    return first, wall, used - before.children_user - before.children_system


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("digits", help="the folder that demo-data digits has written")
    parser.add_argument("-n", type=int, default=5)
    args = parser.parse_args()
    print_heading(args.n)
    data = f"data_root={Path(args.digits).resolve()}"
    spec = importlib.util.find_spec("mmpretrain")
    assert spec is not None and spec.origin is not None
    theirs = Path(spec.origin).parent / ".mim" / "tools" / "train.py"
    ours = [sys.executable, "-m", "mmresnet", "train"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "end_after_an_iteration.py").write_text(HOOK)
        (folder / "config.py").write_text(
            f"_base_ = {str(recipe_paths()['digits_resnet20'])!r}\n"
            f"data_root = {str(Path(args.digits).resolve())!r}\n"
            "train_dataloader = dict(dataset=dict(data_root=data_root))\n"
            "val_dataloader = dict(dataset=dict(data_root=data_root))\n"
            "test_dataloader = val_dataloader\n"
            "custom_imports = dict(imports=['end_after_an_iteration'])\n"
            "custom_hooks = [dict(type='mmengine.EndAfterAnIteration')]\n"
        )
        kinds = {
            "no such recipe": ([*ours, "digits_resnet2"], 2),
            "wrong option": ([*ours, "digits_resnet20", "--cfg-options", "data_rot=x"], 2),
            "no data folder": ([*ours, "resnet50_8xb32_in1k"], 2),
            "first iteration: mmpretrain": ([sys.executable, str(theirs), "config.py"], 99),
            "first iteration: mmresnet": ([*ours, "config.py", "--cfg-options", data], 99),
            "the packages alone": ([sys.executable, "-c", ALONE], 0),
        }
        found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in kinds}
        for number in range(args.n + 1):
            for kind, (command, expected) in kinds.items():
                measured = run(command, folder, expected)
                if number:  # the first fills the caches of files
                    found[kind].append(measured)
    rows = [
        [kind, *(f"{min(v):.2f} / {statistics.median(v):.2f}" for v in zip(*runs, strict=True))]
        for kind, runs in found.items()
    ]
    print_table(("", "first line, s", "end, s", "CPU, s"), rows)


if __name__ == "__main__":
    main()
