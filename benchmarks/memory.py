"""Measure the memory of training deep nets, with and without activation checkpointing.

    mmresnet benchmark memory                  # ResNet-152, and CIFAR's ResNet-1202
    mmresnet benchmark memory imagenet --batch-size 4
    mmresnet benchmark memory cifar --batch-size 128 -n 1

Prints a Markdown table for each: the growth of a process's peak of memory since its imports, with
weights, gradients and the optimizer's state, and the median time of n training steps as those of
``mmresnet train``, each case in a new process. With activation checkpointing (``with_cp=True`` of
the backbone) a block keeps its input alone, and is computed again in the backward pass.
"""

import argparse
import json

from _measuring import in_new_process, print_heading, print_table
from growth import step

CASES = {  # recipe, height and width, classes, and images in a step by default
    "imagenet": ("resnet152_8xb32_in1k", 224, 1000, 8),
    "cifar": ("resnet1202_1xb128_cifar10", 32, 10, 32),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("case", nargs="?", choices=CASES, help="by default both")
    parser.add_argument("--batch-size", type=int, help="by default 8, and 32 of CIFAR")
    parser.add_argument("-n", type=int, default=3, help="steps that are timed (3)")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        precision, checkpointing = args.one
        recipe, size, classes, _ = CASES[args.case]
        options = {"model.backbone.with_cp": checkpointing == "yes"}
        costs = step(args.n, recipe, args.batch_size, size, classes, precision, options)
        print(json.dumps(costs))
        return
    print_heading(args.n)
    for name in [args.case] if args.case else CASES:
        recipe, size, _, usual = CASES[name]
        batch = args.batch_size or usual
        rows = []
        for precision in ("float32", "bfloat16"):
            costs = {}
            for checkpointing in ("no", "yes"):
                one = ("--batch-size", batch, "-n", args.n, "--one", precision, checkpointing)
                costs[checkpointing] = found = in_new_process(name, *one)
                less, slower = (found[key] / costs["no"][key] for key in ("memory, MB", "step, s"))
                rows.append(
                    [
                        *(precision, checkpointing, f"{found['memory, MB']:,.0f}", f"{less:.2f}"),
                        *(f"{found['step, s']:.2f}", f"{slower:.2f}"),
                    ]
                )
        title = f"{recipe.partition('_')[0]}, {batch} × {size}×{size}"
        header = (title, "checkpointing", "memory, MB", "ratio", "step, s", "ratio")
        print_table(header, rows)


if __name__ == "__main__":
    main()
