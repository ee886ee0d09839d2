"""Starting several processes with torchrun, on a free port unless PORT is set.

On several machines, the environment of each needs NNODES, its NODE_RANK (from 0), and the address
and a free port of the first: MASTER_ADDR, PORT.
"""

import argparse
import logging
import os
import socket
import sys
from collections.abc import Mapping

from mmresnet.errors import UserError


def start_processes(name: str, args: argparse.Namespace) -> None:
    """Run the command ``name`` in ``--nproc`` processes and exit, if these are asked for."""
    if args.nproc is not None and args.launcher == "none":  # the processes have a launcher
        sys.exit(launch(["mmresnet", name, *args.arguments], args.nproc, module=True))


def launch(command: list[str], processes: str, module: bool = False) -> int:
    """Run ``command`` in ``processes`` processes on this machine and return the exit code.

    Args:
        command: A script, or a module if ``module``, and its arguments; ``--launcher pytorch`` is
            added to these.

    Raises:
        UserError: ``processes`` is not a positive integer, or a variable of several machines is
            missing.
    """
    if not processes.isdigit() or int(processes) < 1:
        raise UserError(f"The number of processes must be a positive integer, not '{processes}'.")
    options = [*rendezvous(os.environ), f"--nproc_per_node={processes}", *["-m"] * module]
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # the processes report their own failures
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        run.run(run.parse_args([*options, "--", *command, "--launcher", "pytorch"]))
    except ChildFailedError as error:
        return max(1, error.get_first_failure()[1].exitcode)  # negative if killed by a signal
    except (KeyboardInterrupt, SignalException):
        return 130
    return 0


def rendezvous(environment: Mapping[str, str]) -> list[str]:
    """Return torchrun's rendezvous options, from ``environment``."""
    nodes = int(environment.get("NNODES", "1"))
    if nodes > 1:
        missing = [name for name in ("NODE_RANK", "MASTER_ADDR", "PORT") if name not in environment]
        if missing:
            raise UserError(f"NNODES={nodes} also needs {', '.join(missing)} in the environment.")
    address = environment.get("MASTER_ADDR", "127.0.0.1")
    port = environment.get("PORT") or free_port()
    rank = environment.get("NODE_RANK", "0")
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
