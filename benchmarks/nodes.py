"""Compare two hosts on a slow link with one host, and settings of data parallelism.

    mmresnet benchmark nodes                                    # 1 Gbit/s and 100 Mbit/s
    mmresnet benchmark nodes --rates 10mbit --batch-size 4 --size 64 -n 2

The hosts are network namespaces on this machine, a process of one thread each (gloo), which needs
Linux and root. For each rate, which is what a host sends at most, a Markdown table of training
steps of ResNet-50: median time, images per second, and the efficiency, that is the speed over twice
that of one host with as many images per process; the median of the rounds, in which the cases take
turns. "Waits" is the part of a step after the last gradient of the backward pass, in which what is
left of the gradients travels. "MB sent" is what leaves a host in a step. A bucket of 1000 MB holds
all gradients, which then travel after the backward pass: nothing overlaps.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _hosts import Host, hosts, reason_against
from _measuring import print_heading, print_table
from torch import distributed

ALONE, SILENT = "one host", "two, no communication"
PORT = 29400
SETTINGS: dict[str, dict[str, Any]] = {  # of mmresnet.DistributedDataParallel
    "two, buckets of 25 MB": {},
    "5 MB": {"bucket_cap_mb": 5},
    "100 MB": {"bucket_cap_mb": 100},
    "1000 MB": {"bucket_cap_mb": 1000},
    "bfloat16, 25 MB": {"gradient_compression": "bfloat16"},
    "bfloat16, 5 MB": {"gradient_compression": "bfloat16", "bucket_cap_mb": 5},
    "bfloat16, 100 MB": {"gradient_compression": "bfloat16", "bucket_cap_mb": 100},
    "bfloat16, 1000 MB": {"gradient_compression": "bfloat16", "bucket_cap_mb": 1000},
    SILENT: {},
}


def cases(names: list[str], batch: int, size: int, rank: int) -> dict[str, Callable[[], float]]:
    """Return steps by name; each returns the time that it waits for gradients."""
    import training

    from mmresnet.engine.nodes.data_parallel import DistributedDataParallel
    from mmresnet.engine.watch.communication import CommunicationTimer

    found: dict[str, Callable[[], float]] = {}
    data = training.classifier_data(batch, size, 1000)
    for name in names:
        if name == ALONE and rank:
            continue
        model, wrapper = training.build("resnet50_8xb32_in1k", "auto", {})
        if name == ALONE:
            found[name] = lambda model=model, wrapper=wrapper: model.train_step(data, wrapper) and 0
            continue
        parallel: Any = DistributedDataParallel(model, **SETTINGS[name])
        timer = CommunicationTimer(parallel, wrapper)

        def run(parallel: Any = parallel, wrapper: Any = wrapper, timer: Any = timer) -> float:
            parallel.train_step(data, wrapper)
            return timer.read()

        def without(parallel: Any = parallel, run: Callable[[], float] = run) -> float:
            with parallel.no_sync():
                return run()

        found[name] = without if name == SILENT else run
    return found


def work(args: argparse.Namespace) -> None:
    """Measure on one of the hosts; the first prints the table."""
    from mmresnet.engine.allocator import keep_freed_memory

    warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(args.rank)
    place = f"tcp://{args.address}:{PORT}"
    distributed.init_process_group("gloo", place, rank=args.rank, world_size=2)
    steps = cases(args.only, args.batch_size, args.size, args.rank)
    for rate in args.rates:  # not before, since all models have been sent to the other host
        Host(args.namespace, args.address).shape(rate)
        measured = rounds(steps, args.only, args.n)
        if args.rank == 0:
            print(f"\n{rate}:")
            print_rows(measured, args.only, args.batch_size)
    distributed.barrier()
    del steps
    distributed.destroy_process_group()


def rounds(
    steps: dict[str, Callable[[], float]], names: list[str], number: int
) -> dict[str, list[tuple[float, float, int]]]:
    """Return for each case and round the seconds, those of waiting, and the bytes sent."""
    measured: dict[str, list[tuple[float, float, int]]] = {name: [] for name in names}
    for i in range(number + 1):
        for name, own in measured.items():
            distributed.barrier()
            start, before = time.perf_counter(), bytes_sent()
            waited = steps[name]() if name in steps else 0.0
            seconds = time.perf_counter() - start
            if i:
                own.append((seconds, waited, bytes_sent() - before))
    return measured


def print_rows(
    measured: dict[str, list[tuple[float, float, int]]], names: list[str], batch: int
) -> None:
    """Print the table of a rate; the first of ``names`` is what the others are compared with."""
    rows = []
    for name, own in measured.items():
        median, hosts = statistics.median(one[0] for one in own), 1 if name == ALONE else 2
        pairs = zip(measured[names[0]], own, strict=True)
        efficiency = statistics.median(a[0] / b[0] for a, b in pairs)
        wait = statistics.median(waited / seconds for seconds, waited, _ in own)
        sent = statistics.median(one[2] for one in own) / 1e6
        speed = f"{hosts * batch / median:.2f}"
        rows.append(
            (name, f"{median:.3f}", speed, f"{efficiency:.2f}", f"{wait:.0%}", f"{sent:.0f}")
        )
    print_table(("step of", "s", "images/s", "efficiency", "waits", "MB sent"), rows)


def bytes_sent() -> int:
    """Return how many bytes have left this host."""
    return int(Path("/sys/class/net/eth0/statistics/tx_bytes").read_text())


def measure(pair: list[Host]) -> None:
    """Run this script on both hosts."""
    command = [sys.executable, *sys.argv, "--address", pair[0].address]
    started = []
    for rank, host in enumerate(pair):
        own = ["--rank", str(rank), "--namespace", host.namespace]
        started.append(host.start([*command, *own], os.environ, stderr=subprocess.PIPE, text=True))
    errors = [process.communicate()[1] for process in started]
    if failed := [text for one, text in zip(started, errors, strict=True) if one.returncode]:
        sys.exit(failed[0])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-n", type=int, default=5, help="rounds (5)")
    parser.add_argument("--batch-size", type=int, default=8, help="images of a process (8)")
    parser.add_argument("--size", type=int, default=224, help="height and width (224)")
    parser.add_argument("--rates", nargs="+", default=["1gbit", "100mbit"], help="as tc has them")
    all_cases = [ALONE, *SETTINGS]
    parser.add_argument("--only", nargs="+", choices=all_cases, default=all_cases)
    parser.add_argument("--rank", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--namespace", help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rank is not None:
        work(args)
        return
    if reason := reason_against():
        sys.exit(f"This benchmark makes hosts of network namespaces, and {reason}.")
    print_heading(args.n)
    with hosts(2) as pair:
        measure(pair)


if __name__ == "__main__":
    main()
