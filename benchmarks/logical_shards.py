"""Time what logical shards cost beside data parallelism, with and without a process for each.

    mmresnet benchmark logical_shards
    mmresnet benchmark logical_shards ResNet-50 -n 3 --processes 4

Prints a Markdown table of training steps in processes of a thread each, by gloo, as ``mmresnet
train --nproc`` takes them on a CPU, on random images in memory: the median time; the ratio to data
parallelism on the same images, the median of the ratios of each round, in which the cases take
turns; and the same of the CPU time of all processes. Shards of which a process has several have
accordingly fewer images each.
"""

import argparse
import logging
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

DDP = "data parallelism"
CASES = {  # recipe, images of a process, their height and width
    "ResNet-20": ("resnet20_1xb128_cifar10", 64, (32, 32)),
    "ResNet-50": ("resnet50_8xb32_in1k", 8, (224, 224)),
    "Faster R-CNN": ("faster-rcnn_r50_fpn_1x_coco", 2, (480, 640)),
}


def steps(case: str, processes: int, rank: int) -> dict[str, Callable[[], object]]:
    """Return steps of this process by the way in which the processes work together."""
    import training
    from mmengine.model import MMDistributedDataParallel

    from mmresnet.engine.logical import LogicalShards
    from mmresnet.engine.logical.layout import Layout

    recipe, images, shape = CASES[case]
    if case == "Faster R-CNN":
        data, options = training.detector_data(images, shape), {"model.backbone.init_cfg": None}
    else:
        data, options = training.classifier_data(images, shape[0], 10), {}
    found: dict[str, Callable[[], object]] = {}
    for shards in (0, 1, 2):
        torch.manual_seed(0)
        model, wrapper = training.build(recipe, "auto", options)
        model.init_weights()
        name = DDP
        parallel: Any
        if shards:
            parallel = LogicalShards(model, Layout(shards * processes, rank, processes), lambda: 0)
            name = f"{shards} logical shard{'s' if shards > 1 else ''} a process"
        else:
            parallel = MMDistributedDataParallel(model, broadcast_buffers=False)

        def step(parallel: Any = parallel, wrapper: Any = wrapper) -> object:
            return parallel.train_step(data, wrapper)

        found[name] = step
    return found


def work(rank: int, port: int, args: argparse.Namespace) -> None:
    """Measure in one of the processes; the first prints the table."""
    from mmresnet.engine.allocator import keep_freed_memory

    logging.disable(logging.WARNING)  # initial weights are logged
    warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")
    keep_freed_memory()
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", address, rank=rank, world_size=args.processes)
    rows = []
    for case in args.cases:
        ways = steps(case, args.processes, rank)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(args.n + 1):
            for name, step in ways.items():
                distributed.barrier()
                start, cpu = time.perf_counter(), time.process_time()
                step()
                seconds, used = time.perf_counter() - start, torch.tensor(time.process_time() - cpu)
                distributed.all_reduce(used)
                if number:
                    times[name].append((seconds, used.item()))
        for name, own in times.items():
            pairs = list(zip(times[DDP], own, strict=True))
            ratios = [statistics.median(b[i] / a[i] for a, b in pairs) for i in (0, 1)]
            median = statistics.median(seconds for seconds, _ in own)
            rows.append((case, name, f"{median:.3f}", *(f"{ratio:.3f}" for ratio in ratios)))
        del ways
    if rank == 0:
        print_table(("net", "step of", "s", "to data parallelism", "in CPU time"), rows)
    distributed.barrier()
    distributed.destroy_process_group()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*", default=list(CASES), help=f"of {', '.join(CASES)}")
    parser.add_argument("-n", type=int, default=7, help="rounds (7)")
    parser.add_argument("--processes", type=int, default=2, help="a power of two (2)")
    args = parser.parse_args()
    if unknown := set(args.cases) - set(CASES):
        parser.error(f"there is no {', '.join(unknown)}; cases are {', '.join(CASES)}")
    print_heading(args.n)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    spawn(work, (port, args), nprocs=args.processes)


if __name__ == "__main__":
    main()
