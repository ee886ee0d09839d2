"""Compare two processes of a thread each with one of two threads, and settings of data parallelism.

    mmresnet benchmark processes                       # ResNet-50, 16 images of 224×224 in all
    mmresnet benchmark processes --batch-size 4 --size 64 -n 2
    mmresnet benchmark processes --only default gloo

Prints a Markdown table of training steps on a CPU. "Default" is as ``mmresnet train --nproc 2``
averages gradients, in shared memory; "gloo" is torch's default, and the other cases are settings of
it. The columns: median time, images per second, and the efficiency, that is the speed over that of
the first case, one process with two threads and all images; the median of the rounds, in which the
cases take turns. The other process sleeps while one computes alone. "Waits" is the part of a step
from the last gradient of the backward pass to its end, in which the buckets that are left are
reduced. CPU time is that of both processes. Each case has a model of its own in both; ``--only``
chooses some.
"""

import argparse
import os
import socket
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from _measuring import print_heading, print_table
from torch import distributed
from torch.multiprocessing import spawn

ALONE, SILENT = "one process, two threads", "no communication"
DEFAULT = "default"
COMPRESSED = "gradients sent in bfloat16"
SETTINGS: dict[str, dict[str, Any]] = {  # keywords of DistributedDataParallel
    DEFAULT: {"gradient_as_bucket_view": True},
    "gloo": {},
    "gradient_as_bucket_view": {"gradient_as_bucket_view": True},
    "static_graph": {"static_graph": True},
    "gradient_as_bucket_view, static_graph": {
        "gradient_as_bucket_view": True,
        "static_graph": True,
    },
    "bucket_cap_mb=5": {"bucket_cap_mb": 5},
    "bucket_cap_mb=100": {"bucket_cap_mb": 100},
    "find_unused_parameters": {"find_unused_parameters": True},
    COMPRESSED: {},
    SILENT: {},
}


def cases(names: list[str], batch: int, size: int, rank: int) -> dict[str, Callable[[], float]]:
    """Return steps by name; each returns the time that it waits for gradients."""
    import training

    from mmresnet.engine.watch.communication import CommunicationTimer

    found: dict[str, Callable[[], float]] = {}
    if rank == 0 and ALONE in names:
        alone = training.classifier("resnet50_8xb32_in1k", batch, size, 1000, "auto")

        def two_threads() -> float:
            torch.set_num_threads(2)
            alone()
            torch.set_num_threads(1)
            return 0.0

        found[ALONE] = two_threads
    data = training.classifier_data(batch // 2, size, 1000)
    for name in [name for name in names if name != ALONE]:
        model, wrapper = training.build("resnet50_8xb32_in1k", "auto", {})
        parallel = wrap(model, name)
        timer = CommunicationTimer(parallel, wrapper)

        def run(parallel: Any = parallel, wrapper: Any = wrapper, timer: Any = timer) -> float:
            parallel.train_step(data, wrapper)
            return timer.read()

        def without(parallel: Any = parallel, run: Callable[[], float] = run) -> float:
            with parallel.no_sync():
                return run()

        found[name] = without if name == SILENT else run
    return found


def wrap(model: Any, name: str) -> Any:
    """Wrap a model as mmengine's Runner does, with further settings."""
    from mmengine.model import MMDistributedDataParallel
    from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

    from mmresnet.engine.shared_gradients import share_gradients

    parallel = MMDistributedDataParallel(model, broadcast_buffers=False, **SETTINGS[name])
    if name == DEFAULT and not share_gradients(parallel):
        raise RuntimeError("/dev/shm has no room for the gradients")
    if name == COMPRESSED:
        parallel.register_comm_hook(None, default_hooks.bf16_compress_hook)
    return parallel


def work(rank: int, port: int, args: argparse.Namespace) -> None:
    """Measure in one of the two processes; the first prints the table."""
    from mmresnet.engine.allocator import keep_freed_memory

    warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    os.environ["LOCAL_WORLD_SIZE"] = "2"
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    steps = cases(args.only, args.batch_size, args.size, rank)
    times: dict[str, list[float]] = {name: [] for name in args.only}
    waits: dict[str, list[float]] = {name: [] for name in times}
    used: dict[str, list[float]] = {name: [] for name in times}  # CPU time of both processes
    for number in range(args.n + 1):
        for name in times:
            distributed.barrier()
            start, cpu = time.perf_counter(), time.process_time()
            waited = steps[name]() if name in steps else 0.0
            seconds, both = time.perf_counter() - start, torch.tensor(time.process_time() - cpu)
            distributed.all_reduce(both)
            if number:
                times[name].append(seconds)
                waits[name].append(waited)
                used[name].append(both.item())
    if rank == 0:
        rows = []
        for name, own in times.items():
            pairs = zip(times[args.only[0]], own, strict=True)
            median, efficiency = statistics.median(own), statistics.median(a / b for a, b in pairs)
            wait = statistics.median(w / t for w, t in zip(waits[name], own, strict=True))
            speed, cpu = f"{args.batch_size / median:.2f}", f"{statistics.median(used[name]):.3f}"
            rows.append((name, f"{median:.3f}", speed, f"{efficiency:.2f}", f"{wait:.0%}", cpu))
        print_table(("step of", "s", "images/s", "efficiency", "waits", "CPU time, s"), rows)
    distributed.barrier()
    del steps
    distributed.destroy_process_group()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-n", type=int, default=7, help="rounds (7)")
    parser.add_argument("--batch-size", type=int, default=16, help="images in all (16)")
    parser.add_argument("--size", type=int, default=224, help="height and width (224)")
    all_cases = [ALONE, *SETTINGS]
    parser.add_argument("--only", nargs="+", choices=all_cases, default=all_cases)
    args = parser.parse_args()
    print_heading(args.n)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    spawn(work, (port, args), nprocs=2)


if __name__ == "__main__":
    main()
