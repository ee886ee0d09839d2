"""Errors that a user can act on: what was given, what is allowed, the nearest match, what to do."""

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

INSTALL = "in a clone of mmresnet, pip install -e '.[openmmlab]' (or '.[onedl]' for the forks)"


class UserError(Exception):
    """Something that the user can put right; the command lines print the message alone.

    Its subclasses are Python's own errors as well, for programs that catch those.
    """


class AlreadyTold(UserError):
    """Mistakes that have been printed; the message has what was found after that, or is empty."""


class UserValueError(UserError, ValueError):
    """An argument is out of range, or contradicts another one."""


class UserTypeError(UserError, TypeError):
    """An argument is of the wrong type."""


class UserKeyError(UserError, KeyError):
    """There is nothing of that name."""

    __str__ = Exception.__str__  # KeyError shows the repr of its message


class UserFileNotFoundError(UserError, FileNotFoundError):
    """A file does not exist."""


class TrainingError(RuntimeError):
    """A training cannot go on, for a reason that its message gives.

    Args:
        message: The reason.
        shared: Every process raises it, so that one of them has to print it.
    """

    def __init__(self, message: str, shared: bool = False) -> None:
        super().__init__(message)
        self.shared = shared


class ExportError(RuntimeError):
    """An exported model does not compute what its model computes; nothing of it is kept."""


class Interrupted(KeyboardInterrupt):
    """SIGINT has ended a training, whose state is saved."""


class Stopped(SystemExit):
    """SIGTERM has ended a training, whose state is saved. The exit code is 143."""


class MissingPackageError(UserError, ImportError):
    """An optional dependency is not installed."""


class SampleError(Exception):
    """A sample of a data set cannot be used.

    Not a UserError, which all processes of a run raise alike: one of them meets the sample. It is
    raised in a worker of a data loader, which hands on its text alone.

    Attributes:
        path: The file, if it is known.
        reason: What is wrong with it.
    """

    def __init__(self, message: str, path: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.path, self.reason = path, reason


class ShardError(Exception):
    """A shard of a data set cannot be fetched, or is not what it was when it was written.

    Not a SampleError, which a data set may be told to pass over.
    """


def did_you_mean(given: object, allowed: Iterable[object]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest of ``allowed``, or an empty string."""
    names = list(allowed)
    numbers = [one for one in names if isinstance(one, int)]
    if isinstance(given, int) and 0 < len(numbers) == len(names):
        near = [str(min(numbers, key=lambda one: abs(one - given)))]
    else:
        near = difflib.get_close_matches(str(given), [str(name) for name in names], n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def require(package: str, purpose: str) -> ModuleType:
    """Import an optional dependency: mmengine, mmcv, mmpretrain or mmdet.

    Two families of packages provide these import names, and pip lets one overwrite the other, so
    mmresnet does not depend on either.

    Raises:
        MissingPackageError: ``package`` is not installed; says what needs it and how to get it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != package.split(".")[0]:
            raise  # the package is there, but a dependency of its own is not
        raise MissingPackageError(
            f"{purpose} needs the package '{package}', which is not installed: {INSTALL}."
        ) from error
