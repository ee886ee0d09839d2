"""Installed packages are found without pkg_resources."""

import importlib.metadata
import importlib.util
import inspect
import sys
from pathlib import Path


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


def pkg_resources_is_gone() -> bool:
    from mmengine.utils import package_utils

    wanted = "pkg_resources" in inspect.getsource(package_utils)
    return wanted and importlib.util.find_spec("pkg_resources") is None


def patch_installed_path() -> None:
    """Put the functions wherever mmengine has imported them by name."""
    import mmengine.config.config
    import mmengine.utils
    from mmengine.utils import package_utils

    hub = sys.modules.get("mmengine.hub.hub")  # later it takes them from mmengine.utils
    holders = (package_utils, mmengine.utils, mmengine.config.config, hub)
    for replacement in (is_installed, get_installed_path, package2module):
        for holder in holders:
            if hasattr(holder, replacement.__name__):
                setattr(holder, replacement.__name__, replacement)
