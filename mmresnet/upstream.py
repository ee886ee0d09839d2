"""Mends to the packages that mmresnet stands on: all of them, and nowhere else.

Each says what fails, why, and for which versions. A mend is applied only where it is needed, and
``tests/test_upstream.py`` fails for each one that upstream has made superfluous.
"""

import importlib.metadata
import importlib.util
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmresnet.errors import UserError


@dataclass(frozen=True)
class Mend:
    """One failing of upstream's and its mend."""

    name: str
    reason: str
    versions: str
    needed: Callable[[], bool]
    apply: Callable[[], None]


def apply() -> None:
    """Apply the mends that are needed; calling it again does nothing."""
    if not _applied:
        for mend in MENDS:
            if mend.needed():
                mend.apply()
                _applied.append(mend.name)


# --- checkpoints ------------------------------------------------------------------------------


def harmless_types() -> list:
    """What mmengine's checkpoints hold beside tensors: values, and nothing that can act.

    Both spellings of numpy's module (1.x and 2.x) are given, since a checkpoint carries the one
    of the machine that wrote it.
    """
    import numpy as np
    from mmengine.logging import HistoryBuffer

    core = np._core if hasattr(np, "_core") else np.core
    rebuild, scalar = core.multiarray._reconstruct, core.multiarray.scalar
    kinds = [np.dtype(kind) for kind in [*"?bBhHiIlLqQefdFD", "U1", "S1"]]
    return [
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        *dict.fromkeys(type(kind) for kind in kinds),
        (rebuild, "numpy.core.multiarray._reconstruct"),
        (rebuild, "numpy._core.multiarray._reconstruct"),
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        (_statistic_of_history, "builtins.getattr"),
        (_statistic_of_history, "__builtin__.getattr"),
    ]


def _statistic_of_history(owner: object, name: str) -> Callable:
    """Stand in for ``getattr``, by which a pickle names the methods of HistoryBuffer, and no more.

    Raises:
        pickle.UnpicklingError: Something other than a statistic of HistoryBuffer is asked for.
    """
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name not in ("min", "max", "mean", "current"):
        raise pickle.UnpicklingError(f"GLOBAL getattr({owner}, {name}) was not an allowed global")
    return getattr(HistoryBuffer, name)


def load_checkpoint_file(filename: str, map_location: object = None) -> dict:
    """Read a checkpoint from a local file without ever executing what it holds.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file is cut off, is no checkpoint, or holds something other than values.
    """
    import torch

    path = os.path.expanduser(filename)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no checkpoint {path}.")
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(_refusal(path, str(error))) from error
    except (RuntimeError, EOFError, ValueError, KeyError, UnicodeDecodeError, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{path} cannot be read as a checkpoint: it is cut off, or no checkpoint at all "
            f"({first}). Fetch or write it again."
        ) from error


def _refusal(path: str, reason: str) -> str:
    found = re.search(r"GLOBAL (\S+) was not an allowed global", reason)
    if found is None:
        found = re.search(r"[Uu]nsupported (?:global|class|operand)[^`']*[`']?([\w.]+)", reason)
    if found is None:
        first = reason.partition("WeightsUnpickler error:")[2].strip().split("\n")[0]
        return (
            f"{path} is no checkpoint of tensors and plain values; nothing in it was run ({first})."
        )
    return (
        f"{path} holds '{found[1]}', which a checkpoint has no need of; nothing in it was run. "
        f"If you trust its author, have it saved again as a state dict of tensors alone."
    )


def _loads_history() -> bool:
    """Whether mmengine's loader takes its own checkpoints, and refuses to run what they hold."""
    from mmengine.runner.checkpoint import CheckpointLoader

    return CheckpointLoader._schemes[""] is load_checkpoint_file


def _mend_loading() -> None:
    import torch
    from mmengine.runner.checkpoint import CheckpointLoader

    torch.serialization.add_safe_globals(harmless_types())
    CheckpointLoader.register_scheme(prefixes="", loader=load_checkpoint_file, force=True)


# --- installed packages -----------------------------------------------------------------------


def is_installed(package: str) -> bool:
    """Whether ``package``, a distribution's or a module's name, is installed."""
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        spec = importlib.util.find_spec(package)
        return spec is not None and spec.origin is not None
    return True


def get_installed_path(package: str) -> str:
    """Return the folder of the module that ``package`` installs.

    Raises:
        importlib.metadata.PackageNotFoundError: It is not installed.
    """
    module = package
    if importlib.util.find_spec(package) is None:
        # the distribution's name differs from its module's, as mmcv-full from mmcv
        top_level = importlib.metadata.distribution(package).read_text("top_level.txt") or ""
        module = top_level.split("\n")[0].strip()
    spec = importlib.util.find_spec(module) if module else None
    if spec is None or spec.origin is None:
        raise importlib.metadata.PackageNotFoundError(package)
    return str(Path(spec.origin).parent)


def _pkg_resources_is_gone() -> bool:
    import inspect

    from mmengine.utils import package_utils

    return importlib.util.find_spec(
        "pkg_resources"
    ) is None and "pkg_resources" in inspect.getsource(package_utils)


def _mend_installed_path() -> None:
    """Put the two functions wherever mmengine has imported them by name."""
    import mmengine.config.config
    import mmengine.hub.hub
    import mmengine.utils
    from mmengine.utils import package_utils

    holders = (package_utils, mmengine.utils, mmengine.config.config, mmengine.hub.hub)
    for replacement in (is_installed, get_installed_path):
        for holder in holders:
            if hasattr(holder, replacement.__name__):
                setattr(holder, replacement.__name__, replacement)


# --- several processes without a GPU ----------------------------------------------------------


def _no_accelerator() -> bool:
    from mmengine.device import get_device

    return get_device() == "cpu"


def _mend_init_dist() -> None:
    from mmengine.dist import utils
    from torch import distributed

    def init_on_cpu(backend: str, **kwargs) -> None:
        kwargs.pop("init_backend", None)
        distributed.init_process_group(backend="gloo", **kwargs)

    utils._init_dist_pytorch = init_on_cpu


def _mend_data_parallel() -> None:
    from mmengine.model import MMDistributedDataParallel

    upstream_init = MMDistributedDataParallel.__init__

    def init(self, module, *args, device_ids=None, **kwargs) -> None:
        upstream_init(self, module, *args, device_ids=None, **kwargs)

    MMDistributedDataParallel.__init__ = init


MENDS = (
    Mend(
        "checkpoints load without running code",
        "mmengine 0.10.7 leaves weights_only to torch: since 2.6 its own HistoryBuffer is refused, "
        "before that anything is run; the fork falls back to weights_only=False by itself.",
        "mmengine 0.10.0 to 0.10.7, onedl-mmengine 0.10.8 to 0.10.12",
        lambda: not _loads_history(),
        _mend_loading,
    ),
    Mend(
        "installed packages are found without pkg_resources",
        "get_installed_path and is_installed import pkg_resources, which setuptools 82 dropped.",
        "mmengine to 0.10.7 with setuptools >= 82",
        _pkg_resources_is_gone,
        _mend_installed_path,
    ),
    Mend(
        "process groups without a GPU",
        "init_dist calls torch.cuda.set_device whatever the backend is.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        _no_accelerator,
        _mend_init_dist,
    ),
    Mend(
        "data parallelism without a GPU",
        "Runner.wrap_model passes device_ids, which DistributedDataParallel refuses on the CPU.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        _no_accelerator,
        _mend_data_parallel,
    ),
)

_applied: list[str] = []
