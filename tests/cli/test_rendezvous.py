"""Where the machines of a training meet."""

import socket
import subprocess
import sys
import threading

import pytest

from mmresnet.cli import rendezvous
from mmresnet.cli.rendezvous import Machines
from mmresnet.errors import UserError

PLACE = {"MASTER_ADDR": "127.0.0.1", "PORT": "29511"}


def test_one_machine_takes_a_free_port():
    *rest, port = rendezvous.options(rendezvous.from_environment({}), 0)
    assert rest == ["--nnodes=1", "--node_rank=0", "--master_addr=127.0.0.1"]
    assert int(port.removeprefix("--master_port=")) > 1023
    chosen = rendezvous.from_environment({"PORT": "29511"})
    assert rendezvous.options(chosen, 0)[-1] == "--master_port=29511"


def test_machines_with_numbers_meet_at_the_first():
    given = rendezvous.from_environment({"NNODES": "2", "NODE_RANK": "1", **PLACE})
    wanted = ["--nnodes=2", "--master_addr=127.0.0.1", "--master_port=29511", "--node_rank=1"]
    assert sorted(rendezvous.options(given, 0)) == sorted(wanted)
    with pytest.raises(UserError, match="MASTER_ADDR, PORT"):
        rendezvous.from_environment({"NNODES": "2", "NODE_RANK": "1"})
    with pytest.raises(UserError, match="also needs NODE_RANK in"):
        rendezvous.from_environment({"NNODES": "2", **PLACE})


def test_machines_that_come_and_go_need_no_numbers():
    assert rendezvous.from_environment({"NNODES": "1:2", **PLACE}) == Machines(
        1, 2, "127.0.0.1", 29511
    )


def test_processes_that_start_again_meet_in_another_store():
    wanted = [
        "--nnodes=1",
        "--rdzv_backend=c10d",
        "--rdzv_id=mmresnet",
        "--rdzv_endpoint=127.0.0.1:29511",
        "--local_addr=127.0.0.1",
    ]
    assert rendezvous.options(Machines(port=29511), 1) == wanted
    given = rendezvous.from_environment({"NNODES": "2", "NODE_RANK": "1", **PLACE})
    options = rendezvous.options(given, 1)
    assert options[:2] == ["--nnodes=2:2", "--rdzv_backend=c10d"]
    assert options[-1] == "--local_addr=127.0.0.1"


def test_the_machine_that_is_named_serves_the_others_unless_one_there_does():
    port = rendezvous.free_port()
    machines = rendezvous.from_arguments("1:4", f"localhost:{port}")
    assert machines == Machines(1, 4, "localhost", port)
    assert machines.elastic
    assert "--rdzv_conf=is_host=1" in rendezvous.options(machines, 3, serves=True)
    assert "--rdzv_conf=is_host=0" in rendezvous.options(machines, 3)
    assert rendezvous.serve(machines).port == port
    with socket.create_server(("", 0)) as other:
        taken = Machines(1, 4, "localhost", other.getsockname()[1])
        assert rendezvous.serve(taken) is None
    assert rendezvous.serve(Machines(1, 4, "192.0.2.1", port)) is None  # no machine's address


@pytest.mark.parametrize(
    ("nnodes", "rdzv", "message"),
    [
        ("2", None, "--nnodes 2 also needs --rdzv HOST:PORT"),
        ("4:1", "node0:29400", "a number of machines, or MIN:MAX, not '4:1'"),
        ("two", "node0:29400", "not 'two'"),
        ("0", "node0:29400", "not '0'"),
        ("2", "node0", "--rdzv takes HOST:PORT, as in node0:29400, not 'node0'"),
    ],
)
def test_mistakes(nnodes, rdzv, message):
    with pytest.raises(UserError, match=message):
        rendezvous.from_arguments(nnodes, rdzv)


def test_an_unknown_machine():
    with pytest.raises(UserError, match=r"The machine 'nosuch\.invalid' cannot be reached"):
        rendezvous.options(Machines(2, 2, "nosuch.invalid", 29511), 0)


def test_the_interface_of_an_address():
    assert rendezvous.interface_of(rendezvous.address_towards("127.0.0.1", 1)) == "lo"
    assert rendezvous.interface_of("192.0.2.1") is None


def test_a_launcher_ends_once_the_machine_of_the_store_is_lost(monkeypatch):
    """Not before that has been reached, nor while processes run."""
    ended, monitored = [], iter([True, True, False])

    class Ended(Exception):
        pass

    def end(code):
        ended.append(code)
        raise Ended

    monkeypatch.setattr(rendezvous, "_PROBES", 0.05)
    monkeypatch.setattr(rendezvous, "_LOST", 0.2)
    monkeypatch.setattr(rendezvous.os, "_exit", end)
    monkeypatch.setattr(rendezvous, "_has_processes", lambda: next(monitored))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        machines = Machines(1, 2, *listener.getsockname())
        listener.listen()
        threading.Timer(0.5, listener.close).start()
        with pytest.raises(Ended):
            rendezvous._watch(machines, "It is lost.")
    assert ended == [1]
    assert next(monitored, None) is None


def test_processes_that_have_ended_do_not_count():
    """Tried in a process of its own, since this one may have others."""
    script = """
import os
from mmresnet.cli.rendezvous import _has_processes

found, (end, start) = [_has_processes()], os.pipe()
child = os.fork()
if child == 0:
    os.close(start)
    os.read(end, 1)
    os._exit(0)
found.append(_has_processes())
os.close(start)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it is there still, and has ended
print(*found, _has_processes())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True", "False"], done.stderr
