"""Report versions, device and operators, and what is missing."""

import argparse
import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import mmresnet
from mmresnet import processor

EXAMPLE = """\
  %(prog)s
It ends with exit code 1 if a package is missing that everything needs, if one cannot be imported,
or if two families of packages overwrite each other."""

EVERYTHING = "everything"
# import name: what needs it, and the extra that installs it
PACKAGES = {
    "torch": (EVERYTHING, ""),
    "torchvision": (EVERYTHING, ""),
    "numpy": (EVERYTHING, ""),
    "mmengine": (EVERYTHING, "openmmlab"),
    "mmcv": (EVERYTHING, "openmmlab"),
    "mmpretrain": ("classification", "openmmlab"),
    "mmdet": ("detection", "openmmlab"),
    "faster_coco_eval": ("mmresnet.CocoMetric", "openmmlab"),
    "mmseg": ("segmentation", "mmseg"),
    "sklearn": ("the demo's data", "demo"),
    "matplotlib": ("plots", "demo"),
    "plotly": ("reports of runs", "report"),
    "argcomplete": ("completion of commands in a shell", "completion"),
}
ORIGINALS, FORKS = "OpenMMLab's releases", "the onedl-* forks"
_CPU_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "sve", "bf16")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are no arguments."""


def run(args: argparse.Namespace) -> None:
    """Print the report."""
    with contextlib.suppress(Exception):  # the packages below report what fails here
        from mmresnet import ops

        ops.install()
    providers = _providers()
    found = {
        name: sorted(providers.get(name, ()))
        for name in PACKAGES
        if importlib.util.find_spec(name) is not None
    }
    failures = {name: error for name in found if (error := _import_error(name))}
    families = {
        FORKS if one.startswith("onedl") else ORIGINALS
        for name, distributions in found.items()
        if name.startswith("mm")
        for one in distributions
    }
    rows = [("mmresnet", f"{mmresnet.__version__} in {Path(mmresnet.__file__).parent}")]
    rows.append(("Python", f"{platform.python_version()}, {sys.executable}"))
    for name, distributions in found.items():
        versions = (f"{one} {importlib.metadata.version(one)}" for one in distributions)
        rows.append((name, ", ".join(versions) or "installed, without a version"))
    rows.append(("family", " and ".join(sorted(families)) or "none"))
    usable = found.keys() - failures.keys()
    if "torch" in usable:
        rows += _torch_rows()
    if {"torch", "mmengine", "mmcv"} <= usable:
        rows += _openmmlab_rows()
    for name, text in rows:
        print(f"{name:<17} {text}")

    problems = _problems(found.keys(), failures, families)
    print("", *(problems or ["Nothing is missing."]), sep="\n")
    needed = {name for name, (purpose, _) in PACKAGES.items() if purpose == EVERYTHING}
    if failures or needed - usable or len(families) > 1:
        sys.exit(1)


def _providers() -> dict[str, set[str]]:
    """Return the distributions that each module is from, as mmcv-lite for mmcv."""
    known = importlib.metadata.packages_distributions()
    found = {module: set(names) for module, names in known.items()}
    if sys.version_info < (3, 11):  # it reads top_level.txt alone, which many wheels lack
        for distribution in importlib.metadata.distributions():
            for module in {file.parts[0] for file in distribution.files or ()}:
                found.setdefault(module, set()).add(distribution.metadata["Name"])
    return found


def _import_error(name: str) -> str | None:
    """Return what importing a package raises: mmdet checks the version of mmcv, for example."""
    try:
        importlib.import_module(name)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _torch_rows() -> Iterator[tuple[str, str]]:
    import torch

    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        yield "GPU", f"{', '.join(names)}; CUDA {torch.version.cuda}"
        yield "--amp on the GPU", "bfloat16" if native else "float16: bfloat16 is not native"
    else:
        built = f"PyTorch is built for CUDA {torch.version.cuda}" if torch.version.cuda else ""
        yield "GPU", f"none that PyTorch can use{f' ({built})' if built else ''}"
    features = processor.features()
    listed = ", ".join(one for one in _CPU_FEATURES if one in features) or "not known here"
    yield "CPU", f"{torch.backends.cpu.get_cpu_capability()} kernels; features: {listed}"
    native = processor.native_bfloat16()
    chosen = f"bfloat16, which is native ({', '.join(native)})" if native else "float32"
    yield "trains on CPUs in", f"{chosen}; --precision sets it"
    variable = os.environ.get("OMP_NUM_THREADS", "not set")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "threads", f"{torch.get_num_threads()} on {cores} cores (OMP_NUM_THREADS {variable})"


def _openmmlab_rows() -> Iterator[tuple[str, str]]:
    from mmresnet import compat
    from mmresnet.ops import has_compiled_operators
    from mmresnet.ops.table import PROVIDED

    compiled = has_compiled_operators()
    ours = f"{len(PROVIDED)} of mmresnet.ops, on torchvision's kernels and PyTorch"
    yield "mmcv's operators", "mmcv's own, compiled" if compiled else ours
    used = [patch.name for patch in compat.PATCHES if patch.needed()]
    yield "patches", "; ".join(used) or "none is needed"


def _problems(
    found: Collection[str], failures: Mapping[str, str], families: Collection[str]
) -> list[str]:
    """Return what is wrong, and the command that installs what is missing."""
    problems = []
    if len(families) > 1:
        problems.append(
            f"Packages of both families are installed, {ORIGINALS} and {FORKS}, and overwrite each "
            "other: uninstall both, and install one."
        )
    for name, (purpose, extra) in PACKAGES.items():
        if name not in found:
            if FORKS in families:
                extra = {"openmmlab": "onedl", "mmseg": "onedl-mmseg"}.get(extra, extra)
            problems.append(f"{name} is missing, for {purpose}: {_install_command(extra)}")
    return problems + [f"{name} cannot be imported: {error}" for name, error in failures.items()]


def _install_command(extra: str) -> str:
    checkout = Path(mmresnet.__file__).resolve().parents[1]
    extra = f"[{extra}]" if extra else ""
    if (checkout / "pyproject.toml").is_file():
        return f"pip install -e '{checkout}{extra}'"
    return f"pip install 'mmresnet{extra}'"
