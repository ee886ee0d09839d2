"""Patches to the packages that mmresnet builds on: all of them, and nowhere else.

Each gives what fails, why, and for which versions. A patch is applied only where it is needed, and
``tests/compat`` fails for each one that upstream has made superfluous. :mod:`mmresnet.registry`
applies those of ``ON_IMPORT``, ``python -m mmresnet SCRIPT`` those of ``IN_SCRIPTS``, and whoever
has the replacement the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmresnet.compat import (
    checkpoints,
    device,
    formatting,
    installed_packages,
    operators,
    processes,
    saving,
    scripts,
    waiting,
    weights,
)
from mmresnet.compat.imports import classifiers, compiler, detectors, multimodal, unused_parts


@dataclass(frozen=True)
class Patch:
    """A defect of upstream's, and what replaces it.

    ``needed`` reads upstream's code and runs none of it, so that it costs nothing at import.
    """

    name: str
    reason: str
    versions: str
    needed: Callable[[], bool]
    apply: Callable[..., Any]


INSTALLED_PACKAGES = Patch(  # by mmresnet.config.load, too: it imports no torch
    "installed packages are found without pkg_resources",
    "get_installed_path and is_installed import pkg_resources, which setuptools 82 dropped.",
    "mmengine to 0.10.7 with setuptools >= 82",
    installed_packages.pkg_resources_is_gone,
    installed_packages.patch_installed_path,
)
FORMATTING = Patch(
    "a config is formatted once",
    "Runner asks for the text of its config four times before the first iteration, and with each "
    "checkpoint; yapf takes 0.1 to 0.4 s.",
    "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
    formatting.formats_each_time,
    formatting.remember_formatted,
)
COMPILER = Patch(  # by mmresnet.cli.command
    "torch's compiler is imported when something is compiled",
    "torchvision's operators and torch's optimizers import torch._dynamo, which takes a sixth of "
    "the start of a training, for functions that do nothing unless something is compiled.",
    "torch and torchvision to 2.14 and 0.29",
    compiler.is_imported_in_any_case,
    compiler.import_when_compiling,
)
UNUSED_PARTS = Patch(  # by mmresnet.cli.command
    "FSDP, ZeRO and transformers are imported when they are used",
    "mmengine imports torch's FSDP with DTensor and SymPy, and transformers where it is installed, "
    "for a model wrapper, a strategy and two optimizers, which takes a fifth of the start.",
    "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
    unused_parts.are_imported_in_any_case,
    unused_parts.import_when_built,
)
ON_IMPORT = (
    Patch(
        "checkpoints load without running code",
        "mmengine leaves weights_only to torch, which refuses mmengine's own HistoryBuffer, and "
        "from a URL runs anything; the fork falls back to running it.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        lambda: not checkpoints.reads_only_values(),
        checkpoints.patch_loading,
    ),
    INSTALLED_PACKAGES,
    FORMATTING,
    Patch(
        "process groups without a GPU",
        "init_dist calls torch.cuda.set_device whatever the backend is.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        processes.sets_a_gpu_regardless,
        processes.patch_init_dist,
    ),
    Patch(
        "data parallelism without a GPU",
        "Runner.wrap_model passes device_ids, which DistributedDataParallel refuses on the CPU.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        processes.passes_device_ids_regardless,
        processes.patch_data_parallel,
    ),
)
OPERATORS = Patch(  # by mmresnet.ops.install
    "operators without a compiled mmcv",
    "mmdet imports mmcv._ext, which mmcv-lite lacks and no mmcv has as a wheel for today's torch.",
    "mmcv-lite 2.0 to 2.1, onedl-mmcv 2.3 as pip installs it",
    lambda: not operators.has_compiled_operators(),
    operators.provide,
)
DETECTORS = Patch(  # by mmresnet.engine.assembly
    "detectors without mmpretrain",
    "mmdet imports mmpretrain, with 400 modules of its own, wherever it is installed, for the "
    "models of re-identification alone; where it is not installed, it works without.",
    "mmdet 3.3, onedl-mmdetection 3.5",
    detectors.imports_mmpretrain,
    detectors.import_detectors,
)
WAITING = Patch(  # by mmresnet.engine.assembly
    "detectors that wait less for the GPU",
    "A training step of Faster R-CNN asks the GPU for 150 numbers and sizes, or more for many "
    "boxes, and waits for each; most can be had without asking.",
    "mmdet 3.3, onedl-mmdetection 3.5",
    waiting.waits_needlessly,
    waiting.wait_less,
)
CLASSIFIERS = Patch(  # by mmresnet.engine.assembly
    "classifiers without mmdet",
    "mmpretrain imports mmdet, with transformers, scikit-learn and matplotlib, wherever it is "
    "installed, for a layer of detectors alone; where it is not installed, it works without.",
    "mmpretrain 1.2, onedl-mmpretrain 1.3",
    classifiers.imports_mmdet,
    classifiers.leave_mmdet_out,
)
MULTIMODAL = Patch(  # by mmresnet.engine.assembly
    "classifiers without transformers",
    "mmpretrain imports transformers, wherever it is installed, for its models of images and text "
    "alone, which takes a quarter of the start and fails from transformers 4.57 on.",
    "mmpretrain 1.2, onedl-mmpretrain 1.3",
    multimodal.imports_transformers,
    multimodal.leave_multimodal_out,
)
WEIGHTS = Patch(  # by mmresnet.registry
    "weights of any layout and format",
    "mmengine loads what bears the model's names from files of torch's, warns of the rest in the "
    "log, and goes on.",
    "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
    weights.loads_by_name_alone,
    weights.route,
)
DEVICE = Patch(  # by mmresnet.engine.run, for the time of a run
    "a device that is asked for",
    "mmengine chooses a device when it is imported, and can only be kept from a GPU by hiding that "
    "from the whole process.",
    "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
    device.is_not_configurable,
    device.mmengine_uses,
)
SAVING = Patch(  # by mmresnet.engine.checkpoints.hook, for the time of a call
    "checkpoints that a hook writes",
    "Runner.save_checkpoint puts a checkpoint together and writes it, in place and while training "
    "waits, in one function.",
    "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
    saving.writes_at_once,
    saving.mmengine_writes_by,
)
SAMPLERS = Patch(  # by mmresnet.engine.resume.order, while it builds a sampler
    "samplers of a shard",
    "Samplers ask mmengine for the rank and the number of processes, where torch's take them as "
    "arguments; a process that computes several shards needs a sampler for each.",
    "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
    processes.samplers_ask_who_they_are,
    processes.mmengine_takes_for,
)
IN_SCRIPTS = {  # by mmresnet.ops.auto: a word, and the patch for scripts in which it occurs
    "pkg_resources": Patch(
        "scripts that import pkg_resources",
        "mmpretrain's vis_cam.py asks pkg_resources for a version; setuptools 82 dropped it.",
        "mmpretrain 1.2 with setuptools >= 82",
        scripts.pkg_resources_is_gone,
        scripts.provide_pkg_resources,
    ),
    "adjust_bbox": Patch(
        "figures are cut without a renderer",
        "mmpretrain's browse_dataset.py calls matplotlib's private adjust_bbox as it once was.",
        "mmpretrain 1.2 and onedl-mmpretrain 1.3 with matplotlib >= 3.11",
        scripts.adjust_bbox_needs_a_renderer,
        scripts.patch_adjust_bbox,
    ),
    "TSNE": Patch(
        "t-SNE takes n_iter",
        "mmpretrain's vis_tsne.py passes n_iter, which scikit-learn has renamed to max_iter.",
        "mmpretrain 1.2 with scikit-learn >= 1.7",
        scripts.tsne_has_no_n_iter,
        scripts.patch_tsne,
    ),
}
PATCHES = (
    COMPILER,
    UNUSED_PARTS,
    *ON_IMPORT,
    OPERATORS,
    DETECTORS,
    WAITING,
    CLASSIFIERS,
    MULTIMODAL,
    WEIGHTS,
    DEVICE,
    SAVING,
    SAMPLERS,
    *IN_SCRIPTS.values(),
)

_applied: list[str] = []


def apply(*patches: Patch, replacements: tuple[object, ...] = ()) -> None:
    """Apply patches that are needed, each once, giving them their ``replacements``."""
    for patch in patches:
        if patch.name not in _applied and patch.needed():
            patch.apply(*replacements)
            _applied.append(patch.name)
