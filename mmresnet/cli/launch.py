"""Starting several processes with torchrun, on a free port unless PORT is set.

Several machines meet where ``--rdzv`` says, or the environment of each: NNODES, its NODE_RANK (from
0), and the address and a free port of the first: MASTER_ADDR, PORT.
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from mmresnet.cli import rendezvous
from mmresnet.cli.memory import killed_for_memory
from mmresnet.cli.rendezvous import Machines
from mmresnet.errors import UserError

# for the processes: when they were started first, in seconds since 1970; how many there are at most
_STARTED, _MOST = "MMRESNET_STARTED", "MMRESNET_MOST_PROCESSES"
_FAILURES = "torch.distributed.elastic.multiprocessing.api"  # the logger that reports them
_MISTAKE = 2  # the exit code of a UserError, which would come again
_RESTARTS = 3  # by default where machines may come and go
_TOGETHER = 2  # seconds within which processes that fail do so for one reason


def start_processes(name: str, args: argparse.Namespace) -> None:
    """Run the command ``name`` in ``--nproc`` processes and exit, if these are asked for.

    Raises:
        UserError: As :func:`launch`, or ``--nnodes`` or ``--rdzv`` is given without ``--nproc``.
    """
    if args.launcher != "none":  # the processes have a launcher
        return
    machines = rendezvous.from_arguments(args.nnodes, args.rdzv)
    if args.nproc is not None:
        restarts = getattr(args, "max_restarts", None)
        command = ["mmresnet", name, *args.arguments]
        sys.exit(launch(command, args.nproc, restarts, module=True, machines=machines))
    if machines is not None:
        raise UserError("--nnodes and --rdzv also need --nproc, the processes of a machine.")


def add_max_restarts(parser: argparse.ArgumentParser) -> None:
    """Add the number of times that the processes are started again."""
    parser.add_argument(
        "--max-restarts",
        metavar="N",
        help="if one of several processes fails, start them all again from the last checkpoint, "
        f"up to N times (0; {_RESTARTS} with --nnodes MIN:MAX)",
    )


def launch(
    command: list[str],
    processes: str,
    restarts: str | None = None,
    module: bool = False,
    machines: Machines | None = None,
) -> int:
    """Run ``command`` in ``processes`` processes on this machine and return the exit code.

    If one fails, the others are ended, and all are started again up to ``restarts`` times.

    Args:
        command: A script, or a module if ``module``, and its arguments; ``--launcher pytorch`` is
            added to these.
        machines: By default what the environment says.

    Raises:
        UserError: ``processes`` is not a positive integer or ``restarts`` not an integer, or it
            cannot be known where several machines meet.
    """
    machines = machines or rendezvous.from_environment(os.environ)
    if not processes.isdigit() or int(processes) < 1:
        raise UserError(f"The number of processes must be a positive integer, not '{processes}'.")
    if restarts is None:
        restarts = str(_RESTARTS if machines.elastic else 0)
    if not restarts.isdigit():
        raise UserError(f"--max-restarts takes a number from 0 on, not '{restarts}'.")
    rendezvous.options(machines, int(restarts))  # a mistake is told before torch is imported
    _set_environment(machines, int(processes))

    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous.api import RendezvousError

    fixed = machines.rank is not None and restarts == "0"  # torchrun's "static" serves by itself
    store = None if fixed else rendezvous.serve(machines)
    if machines.address is not None and not fixed and store is None:
        rendezvous.end_if_lost(machines, explain_rendezvous(RendezvousError(), machines))
    options = rendezvous.options(machines, int(restarts), serves=store is not None)
    options += [f"--nproc_per_node={processes}", f"--max_restarts={restarts}", *["-m"] * module]
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
    except RendezvousError as error:
        print(explain_rendezvous(error, machines), file=sys.stderr)
        return 1
    except _UserMistake:
        return _MISTAKE
    except KeyboardInterrupt:
        return 130
    except SignalException as error:
        return 128 + error.sigval
    return 0


def _set_environment(machines: Machines, processes: int) -> None:
    """Set what the processes inherit."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ[_STARTED] = str(time.time())
    if machines.elastic:
        os.environ[_MOST] = str(machines.most * processes)
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")  # else "c10d" keeps one, too
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # connections that end are warnings
    os.environ.setdefault("TORCH_FR_BUFFER_SIZE", "2000")  # collectives that the recorder keeps
    if machines.address is not None and machines.port is not None:
        # gloo takes the address that the machine's name has, which often is 127.0.1.1
        own = rendezvous.address_towards(machines.address, machines.port)
        if interface := rendezvous.interface_of(own):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)


def explain_rendezvous(error: Exception, machines: Machines) -> str:
    """Return what went wrong where machines meet."""
    place = f"{machines.address}:{machines.port}"
    if "Timeout" in type(error).__name__:
        return (
            f"Fewer than {machines.least} machines have come to {place} in time: start the same "
            "command on the others, and see that they reach this address."
        )
    if "Closed" in type(error).__name__:
        return "The job has ended on another machine, which says why."
    return (
        f"The machines cannot meet at {place}, or no longer: the machine there has ended, or is "
        "not reached. Once it is there again, the same command with --resume continues."
    )


def restarts() -> int:
    """Return how often torchrun has started the processes again."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def is_one_of_several_machines() -> bool:
    """Return whether this is a process that torchrun has started, and some run elsewhere."""
    return os.environ.get("WORLD_SIZE") != os.environ.get("LOCAL_WORLD_SIZE")


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
        self._killed_before = killed_for_memory()

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
            now = killed_for_memory()
            for_memory = None if now is None else now != self._killed_before
            self._killed_before = now
            text = describe_signal(-code, rank, pid, for_memory)
            print(text, file=sys.stderr, flush=True)


def _was_killed(code: int) -> bool:
    return code < 0 and code not in (-signal.SIGTERM, -signal.SIGINT)  # those end the others


def describe_signal(number: int, rank: int, pid: int, for_memory: bool | None = None) -> str:
    """Return what is known of a process that a signal ended.

    Args:
        for_memory: Whether the kernel has killed a process meanwhile since memory ran out; None if
            it cannot be known.
    """
    name = signal.Signals(number).name
    causes = {
        "SIGKILL": "most likely since the machine ran out of memory (dmesg then names it)",
        "SIGBUS": "most likely since its shared memory is full (/dev/shm)",
        "SIGSEGV": "since a library crashed",
    }
    if name == "SIGKILL" and for_memory is not None:
        causes[name] = (
            "by the kernel, since memory ran out: use a smaller batch_size or fewer workers"
            if for_memory
            else "by another program or a scheduler: the kernel has killed none for memory here"
        )
    cause = f", {causes[name]}" if name in causes else ""
    return f"Process {rank} (pid {pid}) was killed by signal {number}, {name}{cause}."
