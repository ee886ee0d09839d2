"""The hook that writes the report of a run at its end."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmresnet
from mmresnet.engine.random_state import fork_rng
from mmresnet.engine.terminal import announce
from mmresnet.errors import MissingPackageError, UserError
from mmresnet.registry import HOOKS

VARIABLE = "MMRESNET_REPORT"
_OFF = ("off", "0", "no", "false")
_OF_GROUPS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@HOOKS.register_module()
class ReportHook(Hook):
    """Write ``report.html`` into the work directory after a training or a test.

    A report that cannot be written is a warning, and the run has succeeded none the less.
    ``MMRESNET_REPORT=off`` in the environment writes none.
    """

    priority = "LOWEST"  # when checkpoints, logs and predictions are complete

    def before_run(self, runner: Runner) -> None:
        """Log how the run was started."""
        runner.logger.info(f"Command: {command_line(sys.argv)}")
        if runner.cfg.filename:
            runner.logger.info(f"Config file: {runner.cfg.filename}")

    def after_run(self, runner: Runner) -> None:
        """Write the report, in the first process."""
        if not is_main_process() or os.environ.get(VARIABLE, "").lower() in _OFF:
            return
        try:
            path = (
                _write_alone(runner.work_dir) if get_world_size() > 1 else _write(runner.work_dir)
            )
            announce(runner.logger, f"Report: {path}")
        except MissingPackageError as error:
            announce(runner.logger, f"No report: {error}")
        except Exception as error:  # whatever it is, the run has succeeded
            runner.logger.warning(f"The report is not written: {error!r}")


def _write(folder: str) -> Path:
    from mmresnet.report.write import write_report

    with fork_rng(0):
        return write_report(folder)


def _write_alone(folder: str) -> Path:
    """Write the report in a process of its own, outside of the group of this one.

    Data sets are read by all processes of a group together, and the others have no part in this.

    Raises:
        MissingPackageError: The extra ``report`` is not installed.
        UserError: The process failed, with what it said.
    """
    from mmresnet.report.page import plotly_js
    from mmresnet.report.write import NAME

    plotly_js()
    outside = {
        name: value
        for name, value in os.environ.items()
        if name not in _OF_GROUPS and not name.startswith(("TORCHELASTIC_", "SLURM_", "OMPI_"))
    }
    package = str(Path(mmresnet.__file__).parents[1])
    outside["PYTHONPATH"] = os.pathsep.join(filter(None, [package, outside.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "mmresnet", "report", folder]
    done = subprocess.run(command, env=outside, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(done.stderr.strip())
    return Path(folder, NAME)


def command_line(arguments: Sequence[str]) -> str:
    """Return what to type to start a process again that has these arguments, ``sys.argv``."""
    program, rest = Path(arguments[0]), list(arguments[1:])
    if "--nproc" in rest and rest[-2:] == ["--launcher", "pytorch"]:  # which it adds
        rest = rest[:-2]
    if program.name == "__main__.py":
        words = ["python", "-m", program.parent.name]
        words = ["mmresnet"] if words[-1] == "mmresnet" else words
    else:
        words = ["python", str(program)] if program.suffix == ".py" else [program.name]
    return shlex.join([*words, *rest])
