"""The hook that writes the report of a run at its end."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmresnet.engine.random_state import fork_rng
from mmresnet.engine.terminal import announce
from mmresnet.errors import MissingPackageError
from mmresnet.registry import HOOKS

VARIABLE = "MMRESNET_REPORT"
_OFF = ("off", "0", "no", "false")


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
            from mmresnet.report.write import write_report

            with fork_rng(0):
                path = write_report(runner.work_dir)
            announce(runner.logger, f"Report: {path}")
        except MissingPackageError as error:
            announce(runner.logger, f"No report: {error}")
        except Exception as error:  # whatever it is, the run has succeeded
            runner.logger.warning(f"The report is not written: {error!r}")


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
