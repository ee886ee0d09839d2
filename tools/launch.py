"""Run a tool of this folder in several processes with torchrun, on a free port unless PORT is set.

On several machines, the environment of each needs NNODES, its NODE_RANK (from 0), and the address
and a free port of the first: MASTER_ADDR, PORT. The tool reports its own failures, so torchrun's
report is suppressed.
"""

import logging
import os
import socket
import sys
from pathlib import Path


def rendezvous(environment: dict[str, str]) -> list[str]:
    """Return torchrun's rendezvous options, from ``environment``."""
    nodes = int(environment.get("NNODES", "1"))
    if nodes > 1:
        missing = [name for name in ("NODE_RANK", "MASTER_ADDR", "PORT") if name not in environment]
        if missing:
            sys.exit(f"NNODES={nodes} also needs {', '.join(missing)} in the environment.")
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


def main(tool: str, processes: str, arguments: list[str]) -> int:
    """Run ``tool`` in ``processes`` processes on this machine and return the exit code."""
    if not processes.isdigit() or int(processes) < 1:
        sys.exit(f"The number of processes must be a positive integer, not '{processes}'.")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    command = [*rendezvous(dict(os.environ)), f"--nproc_per_node={processes}"]
    script = str(Path(__file__).with_name(tool))
    try:
        run.run(run.parse_args([*command, script, *arguments, "--launcher", "pytorch"]))
    except ChildFailedError as error:
        return max(1, error.get_first_failure()[1].exitcode)  # negative if killed by a signal
    except (KeyboardInterrupt, SignalException):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
