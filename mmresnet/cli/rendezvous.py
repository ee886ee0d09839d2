"""Where the machines of a training meet: torchrun's options, addresses and ports."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmresnet.errors import UserError

_ID = "mmresnet"  # of a job; a port serves one job
_PROBES = 5.0  # s, between attempts to reach the machine of the store
_LOST = 60.0  # s without reaching it, after which a launcher without processes ends


@dataclass(frozen=True)
class Machines:
    """How many machines train together, and where they meet.

    Attributes:
        least: The training begins, and goes on, with as many.
        most: No more take part.
        address: Of the machine that they meet on, the first; None for one machine alone.
        port: Free on that machine; None for any.
        rank: The number of this machine, from 0, if it is given and nothing may change.
    """

    least: int = 1
    most: int = 1
    address: str | None = None
    port: int | None = None
    rank: int | None = None

    @property
    def elastic(self) -> bool:
        """Whether machines may come and go."""
        return self.least < self.most


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number of machines, and the place where they meet."""
    parser.add_argument(
        "--nnodes",
        metavar="N|MIN:MAX",
        help="run on N machines with --nproc processes each, or on MIN to MAX, which may come and "
        "go; give the same command on each",
    )
    parser.add_argument(
        "--rdzv",
        metavar="HOST:PORT",
        help="where the machines meet: one of them, which has to stay, and a free port on it",
    )


def from_arguments(nnodes: str | None, rdzv: str | None) -> Machines | None:
    """Return what ``--nnodes`` and ``--rdzv`` say, or None without them.

    Raises:
        UserError: One of them is missing or cannot be read.
    """
    if nnodes is None and rdzv is None:
        return None
    least, most = _numbers(nnodes or "1", "--nnodes")
    if rdzv is None:
        if most == 1:
            return Machines()
        raise UserError(
            f"--nnodes {nnodes} also needs --rdzv HOST:PORT: one of the machines, and a free port "
            "on it."
        )
    host, _, port = rdzv.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--rdzv takes HOST:PORT, as in node0:29400, not '{rdzv}'.")
    return Machines(least, most, host.strip("[]"), int(port))


def from_environment(environment: Mapping[str, str]) -> Machines:
    """Return what NNODES, NODE_RANK, MASTER_ADDR and PORT say, or one machine without them.

    Raises:
        UserError: One of them is missing or cannot be read.
    """
    nodes = environment.get("NNODES", "1")
    least, most = _numbers(nodes, "NNODES")
    port = environment.get("PORT")
    if most == 1:
        return Machines(port=int(port) if port else None)
    needed = ["MASTER_ADDR", "PORT", *["NODE_RANK"] * (least == most)]
    if missing := sorted(name for name in needed if name not in environment):
        raise UserError(f"NNODES={nodes} also needs {', '.join(missing)} in the environment.")
    rank = int(environment["NODE_RANK"]) if least == most else None
    return Machines(least, most, environment["MASTER_ADDR"], int(environment["PORT"]), rank)


def serve(machines: Machines) -> Any:
    """Serve the machines that are to meet on this one, and return the store; None on another one.

    torchrun uses the store that its process has. It would recognize the machine by its name alone.
    """
    if machines.address is None or machines.port is None or not _is_own(machines.address):
        return None
    from torch import distributed as torch_distributed

    distributed: Any = torch_distributed
    try:
        settings = {"is_master": True, "multi_tenant": True, "wait_for_workers": False}
        return distributed.TCPStore(machines.address, machines.port, **settings)
    except (RuntimeError, ValueError):  # another launcher on this machine does so
        return None


def end_if_lost(machines: Machines, message: str) -> None:
    """End this launcher with a message once the machine of the store is lost, and so is its work.

    torchrun waits for ever for the answer of a machine that has lost its power or its network: no
    packet says that it is gone. As long as processes run here, they notice by themselves.
    """
    threading.Thread(target=_watch, args=(machines, message), daemon=True).start()


def _watch(machines: Machines, message: str) -> None:
    assert machines.port is not None
    place, reached = (machines.address, machines.port), None
    while reached is None or time.monotonic() - reached < _LOST or _has_processes():
        time.sleep(_PROBES)
        with contextlib.suppress(OSError):
            socket.create_connection(place, _PROBES).close()
            reached = time.monotonic()
    print(message, file=sys.stderr, flush=True)
    os._exit(1)  # the main thread is in the store's client, which no signal interrupts


def _has_processes() -> bool:
    """Return whether processes that this one has started run; if that is not known, they may."""
    listed = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    for child in " ".join(listed).split():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            state = Path("/proc", child, "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z":  # nobody has asked for its exit code yet
                return True
    return not listed


def options(machines: Machines, restarts: int, serves: bool = False) -> list[str]:
    """Return torchrun's options.

    Those of the backend "static" keep one store, in which processes that start again would read the
    addresses of those before them: with ``restarts``, and where machines have no numbers, it is
    "c10d", with a store for each start.

    Args:
        serves: Whether this machine serves the others.

    Raises:
        UserError: There is no machine of that name.
    """
    nodes = f"--nnodes={machines.least}"
    if machines.address is None:
        port = machines.port or free_port()
        if restarts:
            place = ["--rdzv_backend=c10d", f"--rdzv_id={_ID}", f"--rdzv_endpoint=127.0.0.1:{port}"]
            return [nodes, *place, "--local_addr=127.0.0.1"]
        return [nodes, "--node_rank=0", "--master_addr=127.0.0.1", f"--master_port={port}"]
    if machines.rank is not None and not restarts:
        place = [f"--master_addr={machines.address}", f"--master_port={machines.port}"]
        return [nodes, f"--node_rank={machines.rank}", *place]
    assert machines.port is not None
    own = address_towards(machines.address, machines.port)
    return [
        f"--nnodes={machines.least}:{machines.most}",
        "--rdzv_backend=c10d",
        f"--rdzv_id={_ID}",
        f"--rdzv_endpoint={machines.address}:{machines.port}",
        f"--rdzv_conf=is_host={int(serves)}",
        f"--local_addr={own}",
    ]


def address_towards(host: str, port: int) -> str:
    """Return the address of this machine that ``host`` sees; nothing is sent.

    The name of a machine often resolves to its loopback address, or nowhere.

    Raises:
        UserError: There is no such host, or no way to it.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(place)
            return probe.getsockname()[0]
    except OSError as error:
        raise UserError(
            f"The machine '{host}' cannot be reached: {error.strerror or error}. Give a name or "
            "address that all machines reach it by."
        ) from error


def interface_of(address: str) -> str | None:
    """Return the network interface of this machine with an IPv4 address, on Linux."""
    try:
        import fcntl

        wanted = socket.inet_aton(address)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for _, name in socket.if_nameindex():
                with contextlib.suppress(OSError):  # one without an address
                    request = name.encode()[:15].ljust(256, b"\0")
                    answer = fcntl.ioctl(any_socket.fileno(), 0x8915, request)  # SIOCGIFADDR
                    if answer[20:24] == wanted:
                        return name
    except (ImportError, OSError):
        pass
    return None


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _is_own(host: str) -> bool:
    """Return whether an address of ``host`` is one of this machine."""
    with contextlib.suppress(OSError):
        for family, kind, protocol, _, place in socket.getaddrinfo(
            host, 0, type=socket.SOCK_STREAM
        ):
            with contextlib.suppress(OSError), socket.socket(family, kind, protocol) as listener:
                listener.bind(place)
                return True
    return False


def _numbers(text: str, name: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most:
        raise UserError(f"{name} takes a number of machines, or MIN:MAX, not '{text}'.")
    return least, most
