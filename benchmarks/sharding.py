"""Measure the memory of two processes that train deep nets with whole weights, and with shards.

    mmresnet benchmark sharding                # ResNet-152, and CIFAR's ResNet-1202
    mmresnet benchmark sharding imagenet --batch-size 8 --processes 4
    mmresnet benchmark sharding cifar --precision float32 -n 1

Prints a Markdown table for each: what a process keeps of weights, gradients and momentum, the
growth of its peak of memory since its imports, and the median time of n training steps as those of
``mmresnet train --nproc 2`` on a CPU, by gloo. With sharded weights (``strategy.type=
mmresnet.FSDP2``) the peak has, besides, the weights of a stage that are gathered. With activation
checkpointing a block keeps its input alone. Each case has new processes; of these, the one that
needs most counts.
"""

import argparse
import json
import socket
import statistics
import time
import warnings
from typing import Any

from _measuring import in_new_process, print_heading, print_table

CASES = {  # recipe, height and width, classes, and images of a process in a step by default
    "imagenet": ("resnet152_8xb32_in1k", 224, 1000, 2),
    "cifar": ("resnet1202_1xb128_cifar10", 32, 10, 8),
}
WAYS = {  # whether weights are sharded, and activations computed again
    "data parallelism": (False, False),
    "FSDP2": (True, False),
    "data parallelism, checkpointing": (False, True),
    "FSDP2, checkpointing": (True, True),
}


def measure(rank: int, port: int, args: argparse.Namespace, results: Any) -> None:
    """Train in one of the processes, and give its costs."""
    import mmpretrain.models  # noqa: F401  (before the memory is measured)
    import torch
    import training
    from mmengine.model import MMDistributedDataParallel
    from torch import distributed

    from mmresnet.engine.allocator import keep_freed_memory
    from mmresnet.engine.sharding.strategy import FSDP2
    from mmresnet.memory import peak_memory

    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=args.processes
    )
    base = peak_memory()
    keep_freed_memory()
    recipe, size, classes, _ = CASES[args.case]
    sharded, again = WAYS[args.one]
    options: dict[str, Any] = {"model.backbone.with_cp": again}
    if sharded:
        options |= {"optim_wrapper.optimizer.fused": False, "optim_wrapper.optimizer.foreach": True}
    model, wrapper = training.build(recipe, args.precision, options)
    if sharded:
        FSDP2().shard(model)
        groups = wrapper.optimizer.param_groups
        named = dict(model.named_parameters())
        groups[0]["params"] = list(named.values())
        assert len(groups) == 1
    else:
        model = MMDistributedDataParallel(model, broadcast_buffers=False)
    data = training.classifier_data(args.batch_size, size, classes)
    times, kept = [], 0
    for _ in range(args.n + 1):
        start = time.perf_counter()
        model.train_step(data, wrapper)
        times.append(time.perf_counter() - start)
    for parameter in model.parameters():
        kept += getattr(parameter, "_local_tensor", parameter).numel()
    costs = {
        "kept, MB": 3 * 4 * kept / 2**20,  # weights, gradients and momentum in float32
        "peak, MB": peak_memory() - base,
        "step, s": statistics.median(times[1:]),
    }
    results.put(costs)
    distributed.barrier()
    distributed.destroy_process_group()


def in_processes(args: argparse.Namespace) -> dict[str, float]:
    """Return the largest costs of several processes."""
    from torch.multiprocessing import get_context, spawn

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    results = get_context("spawn").SimpleQueue()
    context = spawn(measure, (port, args, results), args.processes, join=False)
    found = [results.get() for _ in range(args.processes)]
    while not context.join():
        pass
    return {key: max(one[key] for one in found) for key in found[0]}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("case", nargs="?", choices=CASES, help="by default both")
    parser.add_argument("--batch-size", type=int, help="of a process; by default 2, and 8 of CIFAR")
    parser.add_argument("--processes", type=int, default=2, help="how many (2)")
    parser.add_argument("--precision", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("-n", type=int, default=3, help="steps that are timed (3)")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(in_processes(args)))
        return
    print_heading(args.n)
    for name in [args.case] if args.case else CASES:
        recipe, size, _, usual = CASES[name]
        batch = args.batch_size or usual
        rows, first = [], None
        for way in WAYS:
            options = ("--batch-size", batch, "--processes", args.processes, "-n", args.n)
            found = in_new_process(name, *options, "--precision", args.precision, "--one", way)
            first = first or found
            row = [way, f"{found['kept, MB']:,.0f}", f"{found['peak, MB']:,.0f}"]
            row += [f"{found['peak, MB'] / first['peak, MB']:.2f}", f"{found['step, s']:.2f}"]
            rows.append(row)
        title = f"{recipe.partition('_')[0]}, {batch} × {size}×{size} in {args.precision}"
        print_table((title, "kept, MB", "peak, MB", "ratio", "step, s"), rows)


if __name__ == "__main__":
    main()
