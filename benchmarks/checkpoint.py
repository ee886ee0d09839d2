"""Time how long training waits for a checkpoint: written at once, or copied and then written.

    mmresnet benchmark checkpoint

Prints a Markdown table for ResNets with SGD and momentum: the size of a checkpoint, and the
smallest and the median of n times in seconds that a save holds up the training, by mmengine's
CheckpointHook and by ours. Both write to the same folder, alternating, each when the one before is
done. "first" is our first save, which gets its memory from the system. "written" is the time until
the file is safe on the disk, for which the training does not wait.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from _measuring import print_heading, print_table
from mmengine.runner import save_checkpoint

from mmresnet.engine.checkpoints.snapshot import HostCopies
from mmresnet.engine.checkpoints.writer import CheckpointWriter, Save, write_torch
from mmresnet.models.backbones.resnet import ResNet


def state_of(depth: int, device: str) -> SimpleNamespace:
    """Return the state of a net after a step of SGD with momentum."""
    net = ResNet(depth=depth).to(device)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return SimpleNamespace(net=net, optimizer=optimizer)


def gathered(state: SimpleNamespace) -> dict[str, dict]:
    """Return a checkpoint as mmengine's Runner puts it together: on the CPU."""
    from mmengine.runner.checkpoint import apply_to, weights_to_cpu

    moved = apply_to(state.optimizer.state_dict(), lambda x: hasattr(x, "cpu"), lambda x: x.cpu())
    return {"state_dict": weights_to_cpu(state.net.state_dict()), "optimizer": moved}


def measure(depth: int, device: str, folder: Path, n: int) -> list[str]:
    """Return a row of the table."""
    state, copies, writer = state_of(depth, device), HostCopies(), CheckpointWriter()
    path = folder / "checkpoint.pth"
    theirs, ours, written = [], [], []
    for _ in range(n + 1):
        start = time.perf_counter()
        save_checkpoint(gathered(state), str(path))
        theirs.append(time.perf_counter() - start)

        start = time.perf_counter()
        with copies.of_one_moment():
            content = copies.copy(gathered(state))
        writer.submit(Save({str(path): lambda content=content: write_torch(str(path), content)}))
        ours.append(time.perf_counter() - start)
        writer.wait()
        written.append(time.perf_counter() - start)
    size = path.stat().st_size / 1e6
    first = ours.pop(0)
    low, middle = ([f(times) for times in (theirs[1:], ours)] for f in (min, statistics.median))
    return [
        *(f"ResNet-{depth}", f"{size:.0f}"),
        *(f"{a:.3f} / {b:.3f}" for a, b in zip(low, middle, strict=True)),
        *(f"{first:.3f}", f"{statistics.median(written):.3f}"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-n", type=int, default=15, help="times that each is measured")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", help="where to write; by default a temporary folder")
    args = parser.parse_args()
    print_heading(args.n)
    header = ("net", "MB", "mmengine, s", "mmresnet, s", "first, s", "written, s")
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rows = (measure(depth, args.device, Path(folder), args.n) for depth in (18, 50, 101))
        print_table(header, rows)


if __name__ == "__main__":
    main()
