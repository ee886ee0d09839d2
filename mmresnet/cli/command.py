"""What the command lines share: parsers, exit codes, and errors in one line.

A command is a module of this package with a docstring, an ``EXAMPLE``, ``add_arguments(parser)``
and ``run(args)``. Nothing heavy is imported at the top of these: ``--help`` answers at once.
"""

import argparse
import ast
import gc
import importlib
import logging
import os
import re
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mmresnet import compat
from mmresnet.cli import rendezvous
from mmresnet.cli.memory import explain_memory
from mmresnet.cli.workers import explain_worker, without_traceback
from mmresnet.errors import (
    ExportError,
    Interrupted,
    SampleError,
    ShardError,
    Stopped,
    TrainingError,
    UserError,
)

DEBUG_NOTE = "MMRESNET_DEBUG=1 in the environment shows the traceback of an error."

_KNOWN_FAILURES = (
    (
        r"gloo.*(Connection (closed|reset) by peer|Broken pipe)|ncclRemoteError",
        "The connection to another process is lost: it failed or was killed, as reported for it.",
    ),
    (
        r"(?s).*failed to load image: (?P<path>[^\n]+)",  # a worker's report quotes code first
        "The image '{path}' cannot be decoded: replace it, or take it out of the data folder.",
    ),
    (
        r"Expected more than 1 value per channel when training",
        "BatchNorm got a batch of one image at 1x1 resolution, and has nothing to average over: "
        "use a batch size of at least 2, and train_dataloader.drop_last=True if the last batch "
        "of an epoch may hold a single image.",
    ),
)

# What other packages warn of at every start, and a user can do nothing about.
_IDLE_WARNINGS = (
    "Fail to import ``MultiScaleDeformableAttention``",  # mmcv-lite has no compiled operators
    "`broadcast_buffers` is deprecated",  # mmengine sets it for DistributedDataParallel
    "Setting OMP_NUM_THREADS environment variable",  # mmengine, in each of several processes
    "Setting MKL_NUM_THREADS environment variable",
)


class Command(argparse.ArgumentParser):
    """The parser of a command; its module is imported when the command is given.

    Args:
        module: The module's name. The parsed arguments hold its ``run``, and what was parsed as
            ``arguments``.
        kwargs: Those of ``ArgumentParser``.
    """

    def __init__(self, *, module: str | None = None, **kwargs: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)
        self._module = module

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        """Parse as ``ArgumentParser`` does."""
        args = sys.argv[1:] if args is None else list(args)
        if self._module:
            self.load()
            self.set_defaults(arguments=args)
        return super().parse_known_args(args, namespace)

    def load(self) -> None:
        """Import the module, and add its arguments."""
        if self._module is None:
            return
        module, self._module = importlib.import_module(self._module), None
        self.description = module.__doc__
        self.epilog = f"examples:\n{module.EXAMPLE}\n{DEBUG_NOTE}"
        module.add_arguments(self)
        self.set_defaults(run=module.run)


def main_of(name: str) -> Callable[[list[str] | None], None]:
    """Return ``main(argv)`` of one command, for a script that is this command alone."""

    def main(argv: list[str] | None = None) -> None:
        args = Command(prog=program(), module=f"{__package__}.{name}").parse_args(argv)
        args.run(args)

    return main


def program() -> str:
    """Return how the running program is called: ``mmresnet``, ``python tools/train.py``, …"""
    path = Path(sys.argv[0])
    if path.name == "__main__.py":
        return f"python -m {path.parent.name}"
    return f"python {sys.argv[0]}" if path.suffix == ".py" else path.name


def explain(error: BaseException) -> str | None:
    """Return the message for an error that users cause, or None for any other."""
    if isinstance(error, (UserError, SampleError, ShardError)):
        return without_traceback(error)
    if isinstance(error, (TrainingError, ExportError)):
        return str(error)
    for explain_kind in (explain_worker, explain_memory):
        if (message := explain_kind(error)) is not None:
            return message
    for pattern, message in _KNOWN_FAILURES:
        found = re.search(pattern, str(error))
        if found:
            return message.format(**found.groupdict())
    return None


def run(
    main: Callable[[Any], object],
    argv: list[str] | None = None,
    resumable: bool = False,
) -> int:
    """Call ``main(argv)`` and return the exit code.

    0 is success, 1 a failure during the run whose cause is known, 2 a UserError, 130 an
    interruption by SIGINT and 143 one of a training by SIGTERM, with the command that resumes if
    ``resumable``. Any other exception passes through with its traceback. Of several processes the
    first on each machine prints a UserError, since all of them raise it, and each prints a failure
    of its own.
    """
    for message in _IDLE_WARNINGS:
        warnings.filterwarnings("ignore", message=re.escape(message))
    compat.apply(compat.COMPILER, compat.UNUSED_PARTS)
    try:
        main(argv)
        sys.stdout.flush()
        _leave_process_group()
    except BrokenPipeError:  # who reads our output has enough of it, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, Stopped) as stop:
        if isinstance(stop, (Interrupted, Stopped)):  # in all processes at the same iteration
            _leave_process_group()
        if os.environ.get("LOCAL_RANK", "0") == "0":
            arguments = sys.argv[1:] if argv is None else argv
            resumable = resumable and "--profile" not in arguments  # which saves nothing
            how = _how_to_resume(arguments) if resumable else "."
            print(f"Interrupted{how}", file=sys.stderr)
        return 143 if isinstance(stop, Stopped) else 130
    except Exception as error:
        known = explain(error)
        if known is None or os.environ.get("MMRESNET_DEBUG") == "1":
            raise
        by_user = isinstance(error, UserError)
        rank = os.environ.get("LOCAL_RANK", "0")
        if known and (rank == "0" or not (by_user or getattr(error, "shared", False))):
            print(known if rank == "0" else f"[rank {rank}] {known}", file=sys.stderr)
        if not by_user:
            _let_others_be_noticed()
        code = 2 if by_user else 1
        _exit_from_process_group(code)
        return code
    return 0


def _leave_process_group() -> None:
    """End the threads of a run in several processes.

    A thread that releases a tensor while Python ends is stopped by Python, and C++ then aborts the
    process. The threads end with the group, and the group with what refers to it: the model that
    was trained in parallel, which is in the Runner's reference cycles.

    Before torch 2.8 the group holds the GIL while it waits for its threads. One that needs the GIL
    to release a tensor of the last collective would never end, so it is given time first.

    Not after a failure: the others may be waiting in a collective, and torchrun ends them.
    """
    if _in_process_group():
        import torch

        time.sleep(0.1)
        torch.distributed.destroy_process_group()
        gc.collect()


def _in_process_group() -> bool:
    torch = sys.modules.get("torch")
    return bool(torch and torch.distributed.is_available() and torch.distributed.is_initialized())


def _let_others_be_noticed() -> None:
    """Wait until torchrun, which looks every 0.1 s, has seen why this process lost a connection.

    Of processes that have ended when it looks, it takes the first for the cause.
    """
    if _in_process_group():
        time.sleep(1)


def _exit_from_process_group(code: int) -> None:
    """End a process that failed in a group at once, without waiting for the group's threads.

    They may wait for another process, and C++ aborts a Python that ends beside them: with a message
    of its own, and another exit code.
    """
    if _in_process_group():
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _how_to_resume(arguments: list[str]) -> str:
    if "LOCAL_RANK" in os.environ or "SLURM_PROCID" in os.environ:
        return "; the same command with --resume continues from the last checkpoint."
    resume = [] if any(a.split("=")[0] == "--resume" for a in arguments) else ["--resume"]
    command = shlex.join([*arguments, *resume])
    return f"; to continue from the last checkpoint: {program()} {command}"


def parse_options(pairs: list[str] | None) -> dict[str, object]:
    """Turn ``['a.b=1', 'c=(1, 2)', 'd=text']`` into values; a list may be written ``1,2``."""
    options = {}
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UserError(f"--cfg-options takes key=value pairs, not '{pair}'.")
        try:
            options[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            options[key] = {"true": True, "false": False, "none": None}.get(text.lower(), text)
    return options


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Add the config, which a shell completes to files and to the names of the recipes."""
    config: Any = parser.add_argument("config", help="a config file, or a shipped recipe's name")
    config.completer = _complete_config


def _complete_config(prefix: str, **_: object) -> Iterable[str]:
    from argcomplete.completers import FilesCompleter

    from mmresnet.config.find import recipe_paths

    return [*recipe_paths(), *FilesCompleter()(prefix)]


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the overrides of a config; :func:`parse_options` reads them."""
    parser.add_argument("--cfg-options", nargs="+", metavar="KEY=VALUE", help="override settings")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the device to compute on."""
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")


def add_amp(parser: argparse.ArgumentParser) -> None:
    """Add mixed precision."""
    parser.add_argument("--amp", action="store_true", help="16 bits also where they are not native")


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Add what to compute in."""
    parser.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16", "float16"],
        help="what to train in (auto: 16 bits where the device computes in them natively) and to "
        "test in (float32)",
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what train and test share: work dir, precision, device, overrides, processes."""
    parser.add_argument("--work-dir", help="where logs and results go (./work_dirs/<config name>)")
    add_amp(parser)
    add_precision(parser)
    add_device(parser)
    add_cfg_options(parser)
    parser.add_argument(
        "--nproc",
        metavar="N",
        help="run in N processes, each on its own GPU, or on the CPU if there is none",
    )
    rendezvous.add_arguments(parser)
    parser.add_argument(
        "--verbose", action="store_true", help="show all of the log, not only a summary"
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)
