"""What the model says for 8 to 1,024 GPUs, and what surrounds the steps: tables and a plot."""

from pathlib import Path

from _measuring import print_table
from _scale_measured import print_measured
from _scale_model import A100, H100, LINKS, MB, MS, Link, Machine, step

IMAGENET = 1_281_167
GPUS = (8, 16, 32, 64, 128, 256, 512, 1024)
LARGEST_BATCH = 32_768  # of LARS and LAMB
PHOTOGRAPH, RESIZED = 113e3, 28e3  # bytes of an image; docs/performance.md
OF_A_CORE = {PHOTOGRAPH: 696, RESIZED: 1705}  # images/s, likewise
WEIGHTS_AND_MOMENTUM = 205 * MB
OF_A_RANK = 0.235 * MB  # buffers and random states in a checkpoint
SHUFFLING = 22 * MS  # what a rank takes for the order of an epoch, of one core


def batch_per_gpu(gpus: int) -> int:
    """Return the images per GPU: 256, but in all no more than a recipe takes."""
    return min(256, LARGEST_BATCH // gpus)


def print_efficiency(machine: Machine) -> None:
    """Print computing and efficiency by number of GPUs and link."""
    rows = []
    for gpus in GPUS:
        batch, nodes = batch_per_gpu(gpus), gpus // machine.gpus
        steps = [
            (step(machine, link, nodes, batch), step(machine, link, nodes, batch, bytes_each=2))
            for link in LINKS
        ]
        cells = [f"{a.efficiency:.0%} / {b.efficiency:.0%}" for a, b in steps]
        rows.append((f"{gpus:,}", batch, f"{steps[0][0].compute / MS:.1f}", *cells))
    names = [link.name for link in LINKS]
    print(f"\n{machine.name}: efficiency with gradients of 102 MB (float32) / 51 MB (bfloat16)")
    print_table(("GPUs", "images per GPU", "computing, ms", *names), rows)


def print_surroundings(machine: Machine, link: Link) -> None:
    """Print what data, checkpoints and starts take."""
    rows = []
    for gpus in GPUS:
        batch = batch_per_gpu(gpus)
        seconds = step(machine, link, gpus // machine.gpus, batch, bytes_each=2).total
        speed = gpus * batch / seconds
        epoch = IMAGENET / speed
        saved = WEIGHTS_AND_MOMENTUM + gpus * OF_A_RANK
        rows.append(
            (
                f"{gpus:,}",
                f"{speed:,.0f}",
                *(f"{speed * size / 1e9:.2f}" for size in (PHOTOGRAPH, RESIZED)),
                *(f"{speed / gpus / OF_A_CORE[size]:.1f}" for size in (PHOTOGRAPH, RESIZED)),
                f"{epoch:.1f}",
                f"{SHUFFLING / epoch:.1%}",
                f"{saved / MB:.0f}",
                f"{saved / epoch / 1e9:.2f}",
                f"{gpus * saved / 1e9:.1f}",
            )
        )
    print(f"\n{machine.name}, {link.name}, bfloat16 gradients: what a training asks of the rest")
    print_table(
        (
            *("GPUs", "images/s", "photographs, GB/s", "resized, GB/s"),
            *("cores per GPU", "resized", "epoch, s", "its order"),
            *("checkpoint, MB", "one an epoch, GB/s", "read to resume, GB"),
        ),
        rows,
    )


def print_model() -> None:
    """Print all tables."""
    print_measured()
    for machine in (A100, H100):
        print_efficiency(machine)
    print_surroundings(H100, LINKS[-1])


def draw(path: Path) -> None:
    """Draw the efficiency by number of GPUs, a line for each link."""
    from matplotlib.ticker import NullLocator, PercentFormatter
    from PIL import Image

    from mmresnet.visualization.figure import new_figure, save

    figure = new_figure(8.4, 3.4)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, machine in zip(panels, (A100, H100), strict=True):
        for number, link in enumerate(LINKS):
            for each, line in ((4, "-"), (2, "--")):
                efficiencies = [
                    step(machine, link, n // machine.gpus, batch_per_gpu(n), each).efficiency
                    for n in GPUS
                ]
                label = link.name if each == 4 else None
                axes.plot(GPUS, efficiencies, line, color=f"C{number}", label=label, linewidth=1.5)
        axes.set(xscale="log", ylim=(0, 1.02), xlabel="GPUs")
        axes.set_xticks(GPUS, [f"{n:,}" for n in GPUS], fontsize=8)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_title(f"{machine.name}, 32,768 images a step at most", loc="left", fontsize=9)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("speed over that without communication", fontsize=8)
    panels[0].legend(frameon=False, fontsize=8, title="a node's link; dashed: bfloat16")
    save(figure, path)
    Image.open(path).convert("RGB").quantize(32).save(path, optimize=True)
