"""Time our RoIAlign against torchvision's kernels, alternating in one process.

    mmresnet benchmark roi_align

Prints a Markdown table: the smallest and the median of n times in milliseconds, forward and
backward, the ratio of each, the largest difference (of gradients, relative to the sum of their
terms' magnitudes where that is above 1) and the peak memory of ours, including its result. Boxes
are drawn with a fixed seed from the distribution recorded in training Faster R-CNN R18-FPN on BCCD;
if the folder ``MMRESNET_DATA`` has ``bccd_coco.tar.xz``, boxes of the first steps of a training
are timed as well. On a busy machine, ``--one-thread`` measures the processor time of one thread,
which is all that torchvision's kernels use.
"""

import argparse
import ctypes
import os
import platform
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision  # noqa: F401  (its kernels)
from _measuring import print_heading, print_table
from torch import Tensor

from mmresnet.ops.roi_align.operator import roi_align_backward, roi_align_forward

KERNELS = torch.ops.torchvision


@dataclass
class Case:
    """Boxes on the levels of one pyramid: (N, C, H, W), pixels per box unit, boxes (R, 5)."""

    name: str
    bins: int
    levels: list[tuple[tuple[int, ...], float, Tensor]]


def draw(images: int, each: int, size: float, spread: float, height: int, width: int) -> Tensor:
    """Boxes around uniform centres, the root of their area log-normal around `size`, clipped."""
    count = images * each
    centre = torch.rand(count, 2) * torch.tensor([width, height])
    root = size * (spread * torch.randn(count, 1)).exp()
    aspect = (0.125 * torch.randn(count, 1)).exp()
    half = torch.cat((root / aspect, root * aspect), 1) / 2
    image = torch.arange(images).repeat_interleave(each)[:, None]
    corners = torch.cat((centre - half, centre + half), 1)
    limit = torch.tensor([width, height, width, height])
    return torch.cat((image, torch.minimum(corners.clamp(min=0), limit)), 1)


def pyramid(name: str, rois: Tensor, images: int, height: int, width: int, bins: int = 7) -> Case:
    """Distribute boxes over strides 4 to 32 as mmdet's ``SingleRoIExtractor`` does."""
    root = ((rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])).sqrt()
    level = (root / 56 + 1e-6).log2().floor().clamp(0, 3)
    levels = []
    for index in range(4):
        stride = 4 * 2**index
        shape = (images, 256, height // stride, width // stride)
        levels.append((shape, 1 / stride, rois[level == index]))
    return Case(name, bins, [part for part in levels if len(part[2])])


def drawn_cases() -> Iterator[Case]:
    torch.manual_seed(0)
    step = (2, 480, 640)
    yield pyramid("training, step 1", draw(2, 512, 31, 0.2, 480, 640), *step)
    yield pyramid("training, step 40", draw(2, 512, 90, 0.3, 480, 640), *step)
    yield pyramid("training, 800×1344", draw(2, 512, 120, 0.7, 800, 1344), 2, 800, 1344)
    yield pyramid("masks", draw(2, 100, 120, 0.7, 480, 640), *step, bins=14)
    yield pyramid("inference", draw(1, 1000, 90, 0.7, 480, 640), 1, 480, 640)
    large = draw(2, 256, 440, 0.2, 480, 640)
    yield Case("512 large boxes", 7, [((2, 256, 120, 160), 0.25, large)])


def recorded_cases(archive: Path, steps: int) -> Iterator[Case]:
    """Yield the boxes of the first training steps of Faster R-CNN R18-FPN on BCCD, in float32."""
    from mmresnet.ops import install

    install()
    from mmdet.registry import DATASETS, MODELS
    from mmengine.dataset import pseudo_collate
    from mmengine.registry import init_default_scope

    import mmresnet.registry  # noqa: F401  (the patches that mmdet's configs need)
    from mmresnet.config.load import load_config

    init_default_scope("mmdet")
    torch.manual_seed(0)
    cfg = load_config("mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py")
    cfg.model.backbone = dict(type="mmresnet.ResNet", depth=18, out_indices=(0, 1, 2, 3))
    cfg.model.neck.in_channels = [64, 128, 256, 512]
    cfg.model.roi_head.bbox_head.num_classes = 3
    model = MODELS.build(cfg.model).to(memory_format=torch.channels_last).train()
    extractor, seen = model.roi_head.bbox_roi_extractor, []
    extractor.register_forward_pre_hook(lambda _, given: seen.append(given[1].detach().float()))
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        (annotations,) = Path(folder).rglob("instances_train.json")
        data = cfg.train_dataloader.dataset
        data.update(
            data_root=str(annotations.parents[1]), ann_file="annotations/" + annotations.name
        )
        data.update(
            data_prefix=dict(img="train/"), metainfo=dict(classes=("Platelets", "RBC", "WBC"))
        )
        next(part for part in data.pipeline if part.type == "Resize").scale = (640, 480)
        samples = DATASETS.build(data)
        optimizer = torch.optim.AdamW(model.parameters(), 4e-4)
        for step in range(steps):
            batch = pseudo_collate([samples[2 * step], samples[2 * step + 1]])
            losses = model(**model.data_preprocessor(batch, True), mode="loss")
            optimizer.zero_grad()
            model.parse_losses(losses)[0].backward()
            optimizer.step()
    for step in (0, steps // 2, steps - 1):
        yield pyramid(f"BCCD, step {step + 1}", seen[step], 2, 480, 640)


def measure(
    case: Case,
    dtype: torch.dtype,
    memory_format: torch.memory_format,
    n: int,
    clock: Callable[[], float],
) -> Iterator[list[str]]:
    """Yield a row of the table for forward and one for backward."""
    size = (case.bins, case.bins)
    jobs = []
    for shape, scale, rois in case.levels:
        features = torch.randn(shape).to(dtype, memory_format=memory_format)
        gradient = torch.randn(len(rois), shape[1], *size).to(dtype)
        jobs.append((features, rois, gradient, scale))

    def theirs_forward() -> list[Tensor]:
        return [
            KERNELS.roi_align(features.float(), rois, scale, *size, 0, True).to(dtype)
            for features, rois, _, scale in jobs
        ]

    def ours_forward() -> list[Tensor]:
        found = [torch.zeros_like(gradient) for _, _, gradient, _ in jobs]
        for output, (features, rois, _, scale) in zip(found, jobs, strict=True):
            none = features.new_zeros(0)
            roi_align_forward(features, rois, output, none, none, *size, scale, 0, 1, True)
        return found

    def theirs_backward(magnitude: bool = False) -> list[Tensor]:
        return [
            KERNELS._roi_align_backward(
                (gradient.abs() if magnitude else gradient).float(),
                rois, scale, *size, *features.shape, 0, True,
            ).to(dtype)
            for features, rois, gradient, scale in jobs
        ]  # fmt: skip

    def ours_backward() -> list[Tensor]:
        found = [torch.zeros(job[0].shape, dtype=dtype) for job in jobs]
        for grad_input, (_, rois, gradient, scale) in zip(found, jobs, strict=True):
            none = gradient.new_zeros(0)
            roi_align_backward(gradient, rois, none, none, grad_input, *size, scale, 0, 1, True)
        return found

    magnitudes = theirs_backward(magnitude=True)
    for name, theirs, ours in (
        ("forward", theirs_forward, ours_forward),
        ("backward", theirs_backward, ours_backward),
    ):
        apart = [a.float() - b.float() for a, b in zip(theirs(), ours(), strict=True)]
        if name == "backward":
            apart = [a / m.float().clamp(min=1) for a, m in zip(apart, magnitudes, strict=True)]
        worst = max(float(a.abs().max()) for a in apart)
        memory = peak_memory(ours)
        times = timed(theirs, ours, n, clock)
        least, middle = ([f(t) * 1e3 for t in times] for f in (min, statistics.median))
        layout = "float32" if dtype == torch.float32 else "bfloat16, channels-last"
        yield [
            *(case.name, layout, name),
            *(f"{a:.1f} / {b:.1f}" for a, b in zip(least, middle, strict=True)),
            f"{least[0] / least[1]:.1f} / {middle[0] / middle[1]:.1f}",
            *(f"{worst:.0e}", memory),
        ]


def timed(
    theirs: Callable, ours: Callable, n: int, clock: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Seconds of `n` alternating calls of each, after a first call of both."""
    times = ([], [])
    for _ in range(n):
        for call, kept in zip((theirs, ours), times, strict=True):
            start = clock()
            call()
            kept.append(clock() - start)
    return times


def peak_memory(call: Callable) -> str:
    """Peak memory of `call` in MB, including its result; needs Linux."""
    if platform.system() != "Linux":
        return "-"

    def status(key: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(key)).split()[1])

    ctypes.CDLL(None).malloc_trim(0)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    call()
    return f"{(status('VmHWM') - before) / 1024:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-n", type=int, default=7, help="times that each is measured")
    parser.add_argument("--one-thread", action="store_true", help="processor time of one thread")
    parser.add_argument("--steps", type=int, default=10, help="training steps on real images")
    args = parser.parse_args()
    clock = time.thread_time if args.one_thread else time.perf_counter
    if args.one_thread:
        torch.set_num_threads(1)
    print_heading(args.n)
    header = (
        *("boxes", "tensors", "pass", "torchvision, ms", "mmresnet, ms", "ratio"),
        *("difference", "peak, MB"),
    )
    cases = list(drawn_cases())
    archive = Path(os.environ.get("MMRESNET_DATA", "")) / "bccd_coco.tar.xz"
    if archive.is_file():
        cases += recorded_cases(archive, args.steps)
    layouts = (
        (torch.float32, torch.contiguous_format),
        (torch.bfloat16, torch.channels_last),
    )
    rows = (
        row
        for case in cases
        for dtype, layout in layouts
        for row in measure(case, dtype, layout, args.n, clock)
    )
    print_table(header, rows)


if __name__ == "__main__":
    main()
