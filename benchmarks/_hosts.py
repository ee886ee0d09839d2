"""Hosts on one machine: network namespaces with addresses of their own, joined by a bridge.

Needs Linux, root, and iproute2's ``ip`` and ``tc``. A host's programs see its interface ``eth0``
and its loopback alone; files and processors are shared.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LATENCY = "50ms"  # a packet waits this long at most before it is dropped


@dataclass(frozen=True)
class Host:
    """A network namespace and its address."""

    namespace: str
    address: str

    def start(self, command: Sequence[str], env: Mapping[str, str], **options: Any) -> Any:
        """Start a program on the host and return its Popen."""
        own = {**env, "GLOO_SOCKET_IFNAME": "eth0", "NCCL_SOCKET_IFNAME": "eth0"}
        return subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, *command], env=own, **options
        )

    def shape(self, rate: str | None) -> None:
        """Let the host send no faster than ``rate``, as "100mbit"; None for no limit."""
        place = ["tc", "-n", self.namespace, "qdisc"]
        subprocess.run([*place, "del", "dev", "eth0", "root"], capture_output=True)
        if rate:
            shaping = ["tbf", "rate", rate, "burst", "512kb", "latency", _LATENCY]
            _run([*place, "add", "dev", "eth0", "root", *shaping])


def reason_against() -> str | None:
    """Return why there can be no hosts here, or None if there can be."""
    missing = [name for name in ("ip", "tc") if shutil.which(name) is None]
    if missing:
        return f"iproute2 is not installed: there is no {' and no '.join(missing)}"
    name = f"mm{os.getpid()}probe"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if done.returncode:
        return f"network namespaces cannot be made: {done.stderr.strip()}"
    _run(["ip", "netns", "delete", name])
    return None


@contextlib.contextmanager
def hosts(number: int, rate: str | None = None) -> Iterator[list[Host]]:
    """Yield hosts that reach one another, and remove them afterwards.

    Args:
        rate: What each may send, see :meth:`Host.shape`.
    """
    key = f"mm{os.getpid() % 100_000}"
    made = [Host(f"{key}-{i}", f"10.213.7.{i + 1}") for i in range(number)]
    bridge = f"{key}-br"  # a namespace of its own, with which the bridge goes
    try:
        for i, host in enumerate(made):
            _run(["ip", "netns", "add", host.namespace])
            inside = ["ip", "-n", host.namespace]
            _run([*inside, "link", "set", "lo", "up"])
            if i == 0:
                _run(["ip", "netns", "add", bridge])
                _run(["ip", "-n", bridge, "link", "add", "name", "switch", "type", "bridge"])
                _run(["ip", "-n", bridge, "link", "set", "dev", "switch", "up"])
            pair = ["eth0", "netns", host.namespace, "type", "veth", "peer", "name", f"to{i}"]
            _run(["ip", "link", "add", *pair, "netns", bridge])
            _run(["ip", "-n", bridge, "link", "set", f"to{i}", "master", "switch", "up"])
            _run([*inside, "address", "add", f"{host.address}/24", "dev", "eth0"])
            _run([*inside, "link", "set", "eth0", "up"])
            host.shape(rate)
        yield made
    finally:
        for name in (*(host.namespace for host in made), bridge):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
