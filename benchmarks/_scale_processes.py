"""Steps of 1, 2 and 4 processes of this machine (gloo), beside what the model predicts for them."""

import functools
import itertools
import socket
import statistics
import time
from typing import Any

import torch
from _measuring import print_table
from _scale_model import MS, PARAMETERS, Link, Machine, step
from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks.debugging_hooks import noop_hook
from torch.multiprocessing import spawn

SMALL = 1  # elements of an all-reduce of which only the delay counts


def seconds(call: Any) -> float:
    distributed.barrier()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def work(rank: int, world_size: int, port: int, n: int, batch: int, size: int, result: Any) -> None:
    """Measure in one of the processes: computing, all-reduces, steps; in turn."""
    import training
    from mmengine.model import MMDistributedDataParallel

    from mmresnet.engine.allocator import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", address, rank=rank, world_size=world_size)
    data = training.classifier_data(batch, size, 1000)

    def train_step(hook: Any = None) -> Any:
        model, wrapper = training.build("resnet50_8xb32_in1k", "auto", {})
        parallel = MMDistributedDataParallel(model)
        if hook:
            parallel.register_comm_hook(None, hook)
        return functools.partial(parallel.train_step, data, wrapper)

    gradients, number = torch.zeros(PARAMETERS), torch.zeros(SMALL)
    cases = {
        "compute": train_step(noop_hook),  # fills the buckets, and does not send them
        "reduce": lambda: distributed.all_reduce(gradients),
        "delay": lambda: distributed.all_reduce(number),
        "step": train_step(),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for round_, (name, call) in itertools.product(range(n + 1), cases.items()):
        taken = seconds(call)
        if round_:
            times[name].append(taken)
    if rank == 0:
        result.update({name: statistics.median(own) for name, own in times.items()})
    distributed.barrier()
    distributed.destroy_process_group()


def print_processes(n: int, batch: int, size: int) -> None:
    """Print the table; computing and the all-reduce of all gradients are given to the model.

    The model hides the all-reduce behind the backward pass, as a GPU does. Where processes compute
    and communicate on the same cores, one follows the other.
    """
    rows = []
    with torch.multiprocessing.Manager() as manager:
        for processes in (1, 2, 4):
            result = manager.dict()
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                port = listener.getsockname()[1]
            spawn(work, (processes, port, n, batch, size, result), nprocs=processes)
            machine = Machine("CPU", fixed=0.0, image=result["compute"] / batch, gpus=1)
            carried = 2 * (processes - 1) / processes * 4 * PARAMETERS
            link = Link("loopback", carried / result["reduce"] if carried else 1.0)
            found = step(machine, link, processes, batch)
            measured = [result[name] / MS for name in ("compute", "reduce", "delay", "step")]
            predicted = [found.total / MS, measured[0] + measured[1]]
            cells = (f"{value:,.4g}" for value in measured)
            bounds = (f"{value:,.4g} ({value / measured[-1]:.2f})" for value in predicted)
            rows.append((processes, *cells, *bounds))
    header = ("processes", "computing, ms", "all-reduce of 102 MB, ms", "of 4 bytes, ms")
    print_table((*header, "step, ms", "predicted, hidden", "one after the other"), rows)
