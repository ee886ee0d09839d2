"""Draw the standard deviations of the responses of classifiers' 3×3 layers to their test set.

The responses are the outputs after BatchNorm and before ReLU or the addition (He et al. 2015, Fig.
7): above in the order of the layers, below ranked.
"""

import argparse

from mmresnet.cli import command

EXAMPLE = """\
  %(prog)s responses.png --cfg-options data_root=data/cifar10_images \\
      --net ResNet-20 resnet20_1xb128_cifar10-images resnet20-12fca82f.th \\
      --net ResNet-56 resnet56_1xb128_cifar10-images resnet56-4bfd9763.th"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the picture and the nets."""
    parser.add_argument("picture", help="the file to write, such as responses.png")
    parser.add_argument(
        "--net",
        nargs=3,
        action="append",
        required=True,
        metavar=("NAME", "CONFIG", "CHECKPOINT"),
        help="what to call a net, its config and its weights; once more for each further net",
    )
    parser.add_argument(
        "--count", type=int, help="images, evenly spaced over the test set (default: all)"
    )
    command.add_device(parser)
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Measure and print a line for each net; write the picture."""
    options = command.parse_options(args.cfg_options)

    from mmresnet.errors import UserError
    from mmresnet.inference.responses import measure_responses
    from mmresnet.visualization.responses import plot_responses

    nets: dict[str, list[float]] = {}
    for name, config, checkpoint in args.net:
        if name in nets:
            raise UserError(f"Two nets are called '{name}': give each a name of its own.")
        found = measure_responses(config, checkpoint, args.count, options, args.device)
        nets[name] = values = list(found.values())
        mean = sum(values) / len(values)
        print(
            f"{name}: {len(values)} layers, standard deviations from {min(values):.3f} to "
            f"{max(values):.3f}, mean {mean:.3f}",
            flush=True,
        )
    plot_responses(nets, args.picture)
    print(f"Wrote {args.picture}.")
