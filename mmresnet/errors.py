"""How mistakes are told: what was given, what is allowed, the nearest match, the way out."""

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

_FAMILIES = "pip install 'mmresnet[openmmlab]' (or 'mmresnet[onedl]' for the maintained forks)"


class UserError(Exception):
    """A mistake that the user can mend; its message is one complete sentence.

    The command lines print the message alone, without a traceback.
    """


def did_you_mean(given: object, allowed: Iterable[object]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest of ``allowed``, or an empty string."""
    near = difflib.get_close_matches(str(given), [str(name) for name in allowed], n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def require(package: str, purpose: str) -> ModuleType:
    """Import a peer package, or say what wants it and how to get it.

    Peers are mmengine, mmcv, mmpretrain and mmdet: two families provide them under the same
    import names, and pip lets one overwrite the other, so mmresnet never pulls them in itself.

    Raises:
        ImportError: ``package`` is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != package.split(".")[0]:
            raise  # the package is there, but something that it wants itself is not
        raise ImportError(
            f"{purpose} needs the package '{package}', which is not installed: {_FAMILIES}."
        ) from error
