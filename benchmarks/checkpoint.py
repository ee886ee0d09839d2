"""Time how long training waits for a checkpoint: written at once, or copied and then written.

    OMP_NUM_THREADS=2 python benchmarks/checkpoint.py

Prints a Markdown table for ResNets with SGD and momentum: the size of a checkpoint, and the
smallest and the median of n times in seconds that a save holds up the training, by mmengine's
CheckpointHook and by ours. Both write to the same folder, alternating, each when the one before is
done. "first" is our first save, which gets its memory from the system. "written" is the time until
the file is safe on the disk, for which the training does not wait.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import mmengine
import torch
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


def measure(depth: int, device: str, folder: Path, n: int) -> str:
    """Return a line of the table."""
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
    return (
        f"| ResNet-{depth} | {size:.0f} | {low[0]:.3f} / {middle[0]:.3f} | {low[1]:.3f} / "
        f"{middle[1]:.3f} | {first:.3f} | {statistics.median(written):.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-n", type=int, default=15, help="times that each is measured")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", help="where to write; by default a temporary folder")
    args = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {args.device}, Python "
        f"{platform.python_version()}, torch {torch.__version__}, mmengine "
        f"{mmengine.__version__}, n = {args.n}, load {os.getloadavg()[0]:.1f}\n",
        flush=True,
    )
    print("| net | MB | mmengine, s | ours, s | first, s | written, s |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for depth in (18, 50, 101):
            print(measure(depth, args.device, Path(folder), args.n), flush=True)


if __name__ == "__main__":
    main()
