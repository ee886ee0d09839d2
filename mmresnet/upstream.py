"""Mends to the packages that mmresnet stands on: all of them, and nowhere else.

Each says what fails, why, and for which versions. A mend is applied only where it is needed, and
``tests/test_upstream.py`` fails for each one that upstream has made superfluous.
"""

import errno
import functools
import importlib.metadata
import importlib.util
import inspect
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmresnet.errors import UserError


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
        *(_known_as(f"{module}._reconstruct", rebuild) for module in _NUMPY_CORES),
        *(_known_as(f"{module}.scalar", scalar) for module in _NUMPY_CORES),
        _known_as("builtins.getattr", _statistic_of_history),
        _known_as("__builtin__.getattr", _statistic_of_history),
        _known_as("_codecs.encode", _bytes_from_latin1),  # torch's own list has it since 2.5
    ]


_NUMPY_CORES = ("numpy.core.multiarray", "numpy._core.multiarray")


def _known_as(path: str, function: Callable) -> Callable:
    """Wrap ``function`` so that torch finds it by ``path`` (before 2.6 it takes no pairs)."""

    def known(*args: object) -> object:
        return function(*args)

    known.__module__, _, known.__name__ = path.rpartition(".")
    known.__qualname__ = known.__name__
    return known


def _statistic_of_history(owner: object, name: str) -> Callable:
    """Stand in for ``getattr``, by which a pickle names the methods of HistoryBuffer, and no more.

    Raises:
        pickle.UnpicklingError: Something other than a statistic of HistoryBuffer is asked for.
    """
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name not in ("min", "max", "mean", "current"):
        raise pickle.UnpicklingError("GLOBAL builtins.getattr was not an allowed global")
    return getattr(HistoryBuffer, name)


def _bytes_from_latin1(text: str, _: str = "latin1") -> bytes:
    """Stand in for ``_codecs.encode``, by which a pickle of protocol 2 spells bytes."""
    return text.encode("latin1")


def load_checkpoint_file(file: object, map_location: object = None) -> dict:
    """Read a checkpoint, given by path or as an open file, without executing what it holds.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: The file is cut off, is no checkpoint, or holds something other than values.
    """
    import torch

    is_path = isinstance(file, (str, os.PathLike))
    if is_path and not os.path.isfile(file := os.path.expanduser(file)):
        raise FileNotFoundError(f"There is no checkpoint {file}.")
    return _read(
        str(file) if is_path else "The checkpoint",
        lambda: torch.load(file, map_location=map_location, weights_only=True),
    )


def _read(source: str, read: Callable[[], dict]) -> dict:
    """Call ``read``; where the file is to blame, say in a sentence for what."""
    import torch

    try:
        return read()
    except (MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # a broken file trips torch's reader in many ways
        reason = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # no permission, no connection, …; a file that is cut off gives EINVAL
        if "deserialize object on" in reason:
            raise  # saved on a device that is not here; torch says what to do
        raise UserError(_sentence(source, error, reason)) from error


def _sentence(source: str, error: Exception, reason: str) -> str:
    found = re.search(r"GLOBAL (\S+)", reason)
    if found:
        return (
            f"{source} holds '{found[1]}', which a checkpoint has no need of; nothing in it was "
            "run. If you trust its author, have it saved again as a state dict of tensors alone."
        )
    if isinstance(error, pickle.UnpicklingError):
        detail = (reason.partition("WeightsUnpickler error:")[2] or reason).strip()
        first = detail.splitlines()[0].rstrip(".")
        return (
            f"{source} is no checkpoint of tensors and plain values; nothing in it was run "
            f"({first})."
        )
    return (
        f"{source} cannot be read as a checkpoint: it is cut off, or no checkpoint at all "
        f"({reason.splitlines()[0].rstrip('.')}). Fetch or write it again."
    )


class _TorchLoadingValues:
    """The module torch as mmengine's checkpoint reader sees it: its ``load`` never runs code."""

    def __getattr__(self, name: str) -> object:
        import torch

        return getattr(torch, name)

    @staticmethod
    def load(file: object, map_location: object = None, **_: object) -> dict:
        return load_checkpoint_file(file, map_location)


def _reads_only_values() -> bool:
    from mmengine.runner import checkpoint

    source = inspect.getsource(checkpoint)
    return "weights_only=True" in source and "weights_only=False" not in source


def _mend_loading() -> None:
    import torch
    from mmengine.runner import checkpoint

    torch.serialization.add_safe_globals(harmless_types())
    checkpoint.torch = _TorchLoadingValues()
    if hasattr(checkpoint, "_safe_torch_load"):  # the fork's takes our types back after its turn
        checkpoint._safe_torch_load = _TorchLoadingValues.load
    upstream_load_url = checkpoint.load_url  # torch.hub's, which runs what it fetches

    @functools.wraps(upstream_load_url)
    def load_url(url: str, *args: object, **kwargs: object) -> object:
        kwargs["weights_only"] = True
        return _read(url, lambda: upstream_load_url(url, *args, **kwargs))

    checkpoint.load_url = load_url


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
        RuntimeError: It is a namespace package, which has no folder of its own.
    """
    module = package
    if importlib.util.find_spec(package) is None:
        module = package2module(package)
    spec = importlib.util.find_spec(module)
    if spec is None:
        raise importlib.metadata.PackageNotFoundError(package)
    if spec.origin is None:
        raise RuntimeError(f"{package} is a namespace package: it has no folder of its own.")
    return str(Path(spec.origin).parent)


def package2module(package: str) -> str:
    """Return the module that a distribution installs, as mmcv for mmcv-full.

    Raises:
        importlib.metadata.PackageNotFoundError: It is not installed.
        ValueError: The distribution does not say.
    """
    names = (importlib.metadata.distribution(package).read_text("top_level.txt") or "").split()
    if not names:
        raise ValueError(f"{package} does not say which module it installs.")
    return names[0]


def _pkg_resources_is_gone() -> bool:
    from mmengine.utils import package_utils

    wanted = "pkg_resources" in inspect.getsource(package_utils)
    return wanted and importlib.util.find_spec("pkg_resources") is None


def _mend_installed_path() -> None:
    """Put the functions wherever mmengine has imported them by name."""
    import mmengine.config.config
    import mmengine.hub.hub
    import mmengine.utils
    from mmengine.utils import package_utils

    holders = (package_utils, mmengine.utils, mmengine.config.config, mmengine.hub.hub)
    for replacement in (is_installed, get_installed_path, package2module):
        for holder in holders:
            if hasattr(holder, replacement.__name__):
                setattr(holder, replacement.__name__, replacement)


# --- several processes without a GPU ----------------------------------------------------------


def _sets_a_gpu_regardless() -> bool:
    from mmengine.dist import utils

    source = inspect.getsource(utils._init_dist_pytorch)
    return "torch.cuda.set_device" in source and "is_cuda_available" not in source


def _mend_init_dist() -> None:
    from mmengine.device import get_device
    from mmengine.dist import utils
    from torch import distributed

    upstream_init = utils._init_dist_pytorch

    def init(backend: str, init_backend: str = "torch", **kwargs: object) -> None:
        if get_device() != "cpu":
            upstream_init(backend, init_backend=init_backend, **kwargs)
        else:  # nccl, mmengine's default, is for GPUs alone
            backend = "gloo" if backend == "nccl" else backend
            distributed.init_process_group(backend=backend, **kwargs)

    utils._init_dist_pytorch = init


def _passes_device_ids_regardless() -> bool:
    from mmengine.runner import Runner

    source = inspect.getsource(Runner.wrap_model)
    return "device_ids" in source and "is_cuda_available" not in source


def _mend_data_parallel() -> None:
    from mmengine.model import MMDistributedDataParallel

    upstream_init = MMDistributedDataParallel.__init__

    @functools.wraps(upstream_init)
    def init(self: object, module: object, *args: object, **kwargs: object) -> None:
        if any(parameter.device.type == "cpu" for parameter in module.parameters()):
            kwargs.pop("device_ids", None)
        upstream_init(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = init


MENDS = (
    Mend(
        "checkpoints load without running code",
        "mmengine leaves weights_only to torch: since 2.6 its own HistoryBuffer is refused, before "
        "that, and from a URL to this day, anything is run; the fork falls back to running it.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        lambda: not _reads_only_values(),
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
        _sets_a_gpu_regardless,
        _mend_init_dist,
    ),
    Mend(
        "data parallelism without a GPU",
        "Runner.wrap_model passes device_ids, which DistributedDataParallel refuses on the CPU.",
        "mmengine to 0.10.7, onedl-mmengine to 0.10.12",
        _passes_device_ids_regardless,
        _mend_data_parallel,
    ),
)

_applied: list[str] = []
