"""Simulate the data order of 1,024 processes, measure a start, and predict steps on many GPUs.

    mmresnet benchmark scale ranks                    # the order, 1 to 1,024 processes
    mmresnet benchmark scale start                    # what one training reads when it starts
    mmresnet benchmark scale processes                # the model's prediction beside measured steps
    mmresnet benchmark scale model --plot docs/images/scale.png

Each prints Markdown tables. ``ranks`` goes through an epoch of ImageNet (1,281,167 images) in every
process, in folders and in shards of 1,000 images, resumes it in its middle, by as many processes
and by another number, and measures time and memory of one. ``start`` counts system calls by strace.
``processes`` measures computing, all-reduce and steps of ResNet-50 on 1 to 4 processes of this
machine (gloo). ``model`` prints what the model of a step says for 8 to 1,024 GPUs, and what others
published beside it.
"""

import argparse
from pathlib import Path

from _measuring import print_heading


def main() -> None:
    """Print the tables of a part."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parts = parser.add_subparsers(dest="part", required=True)
    ranks = parts.add_parser("ranks", help="the data order of many processes")
    ranks.add_argument("--ranks", type=int, nargs="+", default=[1, 8, 64, 256, 1024])
    parts.add_parser("start", help="what one training reads when it starts")
    processes = parts.add_parser("processes", help="steps of 1 to 4 processes, and the model's")
    processes.add_argument("-n", type=int, default=5, help="rounds (5)")
    processes.add_argument("--batch-size", type=int, default=4, help="images per process (4)")
    processes.add_argument("--size", type=int, default=96, help="height and width (96)")
    model = parts.add_parser("model", help="the model's tables for 8 to 1,024 GPUs")
    model.add_argument("--plot", type=Path, metavar="FILE", help="draw the plot, too")
    cost = parts.add_parser("cost")  # of ``ranks``, in a process of its own
    cost.add_argument("rank", type=int)
    cost.add_argument("sampler")
    for one in (ranks, cost):
        one.add_argument("--images", type=int, default=1_281_167)
        one.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    if args.part == "cost":
        import json

        from _scale_ranks import SAMPLERS, cost_of

        (kind,) = (one for one in SAMPLERS if one.__name__ == args.sampler)
        print(json.dumps(cost_of(kind, args.rank, args.images, args.batch_size)))
        return
    print_heading(getattr(args, "n", 1))
    if args.part == "ranks":
        from _scale_ranks import print_ranks

        print_ranks(args.ranks, args.images, args.batch_size)
    elif args.part == "start":
        from _scale_start import print_start

        print_start()
    elif args.part == "processes":
        from _scale_processes import print_processes

        print_processes(args.n, args.batch_size, args.size)
    else:
        from _scale_tables import draw, print_model

        print_model()
        if args.plot:
            draw(args.plot)


if __name__ == "__main__":
    main()
