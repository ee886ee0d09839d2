"""Mends to the packages that mmresnet stands on: all of them, and nowhere else.

Each says what fails, why, and for which versions. A mend is applied only where it is needed, and
``tests/upstream`` fails for each one that upstream has made superfluous.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mmresnet.compat import checkpoints as loading
from mmresnet.compat import installed_packages, processes


@dataclass(frozen=True)
class Mend:
    """One failing of upstream's and its mend.

    ``needed`` reads upstream's code and runs none of it, so that it costs nothing at import.
    """

    name: str
    reason: str
    versions: str
    needed: Callable[[], bool]
    apply: Callable[[], None]


def apply() -> None:
    """Apply the mends that are needed; calling it again does nothing."""
    for mend in MENDS:
        if mend.name not in _applied and mend.needed():
            mend.apply()
            _applied.append(mend.name)


MENDS = (
    Mend(
        "checkpoints load without running code",
        "mmengine leaves weights_only to torch: since 2.6 its own HistoryBuffer is refused, before "
        "that, and from a URL to this day, anything is run; the fork falls back to running it.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        lambda: not loading.reads_only_values(),
        loading.mend_loading,
    ),
    Mend(
        "installed packages are found without pkg_resources",
        "get_installed_path and is_installed import pkg_resources, which setuptools 82 dropped.",
        "mmengine to 0.10.7 with setuptools >= 82",
        installed_packages.pkg_resources_is_gone,
        installed_packages.mend_installed_path,
    ),
    Mend(
        "process groups without a GPU",
        "init_dist calls torch.cuda.set_device whatever the backend is.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        processes.sets_a_gpu_regardless,
        processes.mend_init_dist,
    ),
    Mend(
        "data parallelism without a GPU",
        "Runner.wrap_model passes device_ids, which DistributedDataParallel refuses on the CPU.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        processes.passes_device_ids_regardless,
        processes.mend_data_parallel,
    ),
)

_applied: list[str] = []
