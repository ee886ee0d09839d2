"""Starting several processes with torchrun, on a free port unless PORT is set.

On several machines, the environment of each needs NNODES, its NODE_RANK (from 0), and the address
and a free port of the first: MASTER_ADDR, PORT.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmresnet.errors import UserError

_STARTED = "MMRESNET_STARTED"  # when the processes were started first, in seconds since 1970
_FAILURES = "torch.distributed.elastic.multiprocessing.api"  # the logger that reports them
_MISTAKE = 2  # the exit code of a UserError, which would come again
_TOGETHER = 2  # seconds within which processes that fail do so for one reason


def start_processes(name: str, args: argparse.Namespace) -> None:
    """Run the command ``name`` in ``--nproc`` processes and exit, if these are asked for."""
    if args.nproc is not None and args.launcher == "none":  # the processes have a launcher
        restarts = getattr(args, "max_restarts", "0")
        sys.exit(launch(["mmresnet", name, *args.arguments], args.nproc, restarts, module=True))


def add_max_restarts(parser: argparse.ArgumentParser) -> None:
    """Add the number of times that the processes are started again."""
    parser.add_argument(
        "--max-restarts",
        metavar="N",
        default="0",
        help="if one of several processes fails, start them all again from the last checkpoint, "
        "up to N times",
    )


def launch(command: list[str], processes: str, restarts: str = "0", module: bool = False) -> int:
    """Run ``command`` in ``processes`` processes on this machine and return the exit code.

    If one fails, the others are ended, and all are started again up to ``restarts`` times.

    Args:
        command: A script, or a module if ``module``, and its arguments; ``--launcher pytorch`` is
            added to these.

    Raises:
        UserError: ``processes`` is not a positive integer or ``restarts`` not an integer, or a
            variable of several machines is missing.
    """
    if not processes.isdigit() or int(processes) < 1:
        raise UserError(f"The number of processes must be a positive integer, not '{processes}'.")
    if not restarts.isdigit():
        raise UserError(f"--max-restarts takes a number from 0 on, not '{restarts}'.")
    options = [*rendezvous(os.environ, int(restarts)), f"--nproc_per_node={processes}"]
    options += [f"--max_restarts={restarts}", *["-m"] * module]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ[_STARTED] = str(time.time())
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")  # else "c10d" keeps one, too

    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # the processes report their own failures
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    reporter = _ReportFailures()
    logger = logging.getLogger(_FAILURES)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    logger.handlers = [reporter]
    try:
        run.run(run.parse_args([*options, "--", *command, "--launcher", "pytorch"]))
    except ChildFailedError as error:
        cause = first_cause(error.failures)
        reporter.report(cause.exitcode, cause.local_rank, cause.pid)
        return max(1, cause.exitcode)  # negative if killed by a signal
    except _UserMistake:
        return _MISTAKE
    except KeyboardInterrupt:
        return 130
    except SignalException as error:
        return 128 + error.sigval
    return 0


def restarts() -> int:
    """Return how often torchrun has started the processes again."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def wrote_checkpoint(folder: str) -> bool:
    """Return whether the processes saved a checkpoint in ``folder`` before they were started again.

    An earlier run may have left checkpoints there, which a new one does not continue from.
    """
    newest = Path(folder, "last_checkpoint")
    return newest.is_file() and newest.stat().st_mtime >= float(os.environ.get(_STARTED, "0"))


def first_cause(failures: Mapping[int, Any]) -> Any:
    """Return the failure that the others follow from.

    A process that loses the connection to one that was killed fails within the same second.
    """
    start = min(failure.timestamp for failure in failures.values())
    first = [one for one in failures.values() if one.timestamp <= start + _TOGETHER]
    return min(first, key=lambda one: (not _was_killed(one.exitcode), one.timestamp))


class _UserMistake(Exception):
    """The processes have reported a UserError: they are not started again."""


class _ReportFailures(logging.Handler):
    """Says which process was killed, and by what, when torchrun logs its failure."""

    def __init__(self) -> None:
        super().__init__()
        self._reported: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Report a failure, of which the record has exit code, rank and process id."""
        arguments = record.args
        if isinstance(arguments, tuple) and len(arguments) >= 3:
            code, rank, pid = arguments[:3]
            if isinstance(code, int) and isinstance(rank, int) and isinstance(pid, int):
                self.report(code, rank, pid)
                if code == _MISTAKE:
                    raise _UserMistake

    def report(self, code: int, rank: int, pid: int) -> None:
        """Print the signal that a process was killed by, once."""
        if _was_killed(code) and pid not in self._reported:
            self._reported.add(pid)
            print(describe_signal(-code, rank, pid), file=sys.stderr, flush=True)


def _was_killed(code: int) -> bool:
    return code < 0 and code not in (-signal.SIGTERM, -signal.SIGINT)  # those end the others


def describe_signal(number: int, rank: int, pid: int) -> str:
    """Return what is known of a process that a signal ended."""
    name = signal.Signals(number).name
    causes = {
        "SIGKILL": "most likely since the machine ran out of memory (dmesg then names it)",
        "SIGBUS": "most likely since its shared memory is full (/dev/shm)",
        "SIGSEGV": "since a library crashed",
    }
    cause = f", {causes[name]}" if name in causes else ""
    return f"Process {rank} (pid {pid}) was killed by signal {number}, {name}{cause}."


def rendezvous(environment: Mapping[str, str], restarts: int = 0) -> list[str]:
    """Return torchrun's rendezvous options, from ``environment``.

    Those of the backend "static" keep one store, in which processes that start again would read the
    addresses of those before them: with ``restarts`` it is "c10d", with a store for each start.
    """
    nodes = int(environment.get("NNODES", "1"))
    if nodes > 1:
        missing = [name for name in ("NODE_RANK", "MASTER_ADDR", "PORT") if name not in environment]
        if missing:
            raise UserError(f"NNODES={nodes} also needs {', '.join(missing)} in the environment.")
    address = environment.get("MASTER_ADDR", "127.0.0.1")
    port = environment.get("PORT") or free_port()
    rank = environment.get("NODE_RANK", "0")
    if restarts:
        local = [] if nodes > 1 else [f"--local_addr={address}"]
        backend = ["--rdzv_backend=c10d", "--rdzv_id=mmresnet"]
        return [f"--nnodes={nodes}", *backend, f"--rdzv_endpoint={address}:{port}", *local]
    return [
        f"--nnodes={nodes}",
        f"--node_rank={rank}",
        f"--master_addr={address}",
        f"--master_port={port}",
    ]


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
