"""Where the shipped recipes lie, and how a config is found by path or by name."""

import difflib
import importlib.util
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mmresnet.errors import INSTALL, UserError

_PACKAGE = Path(__file__).resolve().parents[1]


@cache
def config_folder() -> Path:
    """Return the folder of the shipped configs.

    In a checkout (also one installed with ``pip install -e``) it is ``configs/`` beside the
    package; an installed wheel carries it inside, as ``mmresnet/.mim/configs``.

    Raises:
        UserError: Neither exists.
    """
    checkout = _PACKAGE.parent
    if (checkout / "setup.py").is_file() and (checkout / "configs" / "_base_").is_dir():
        return checkout / "configs"
    installed = _PACKAGE / ".mim" / "configs"
    if installed.is_dir():
        return installed
    raise UserError(
        f"The recipes of mmresnet are neither in '{installed}' nor in '{checkout / 'configs'}': "
        f"install the package again with 'pip install --force-reinstall --no-deps mmresnet'."
    )


def recipe_paths() -> dict[str, Path]:
    """Return the file of each shipped recipe by its name, which is the file's without ``.py``."""
    folder = config_folder()
    return {
        path.stem: path
        for path in sorted(folder.rglob("*.py"))
        if "_base_" not in path.relative_to(folder).parts
    }


def nearest(given: str, names: Iterable[object], most: int = 3) -> str:
    """Return ``" The nearest are 'a', 'b'."`` from ``names``, or an empty string."""
    near = difflib.get_close_matches(given, [str(name) for name in names], n=most, cutoff=0.4)
    if not near:
        return ""
    listed = ", ".join(f"'{name}'" for name in near)
    return f" The nearest {'is' if len(near) == 1 else 'are'} {listed}."


def find_config(path_or_name: str | os.PathLike[str]) -> Path:
    """Return the file that is meant.

    ``path_or_name`` is a path (also ``configs/…`` from outside a checkout), the name of a shipped
    recipe with or without its folder and ``.py``, or ``package::path`` for a config that another
    installed OpenMMLab package ships (``mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py``).

    Raises:
        UserError: There is no such file; the message names the nearest that exist.
    """
    given = os.fspath(path_or_name)
    if "::" in given:
        return _of_package(*given.split("::", 1))
    path = Path(given).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        inside = sorted(file.name for file in path.glob("*.py"))
        listed = f"; it holds {', '.join(inside[:5])}" if inside else ""
        raise UserError(f"'{given}' is a folder, where a config file is wanted{listed}.")

    recipes = recipe_paths()
    folder = config_folder()
    if path.parent == Path() and given.removesuffix(".py") in recipes:
        return recipes[given.removesuffix(".py")]
    if not path.is_absolute():
        for shipped in (folder.parent / path, folder / path, folder / f"{path}.py"):
            if shipped.is_file() and shipped.is_relative_to(folder):
                return shipped

    siblings = [file.stem for file in path.parent.glob("*.py")] if path.parent.is_dir() else []
    near = nearest(path.name.removesuffix(".py"), {*recipes, *siblings})
    raise UserError(f"There is no config '{given}'.{near} 'mmresnet recipes' lists them all.")


def _of_package(package: str, name: str) -> Path:
    """Find a config that another package carries in its ``.mim`` folder, without importing it."""
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"'{package}::{name}' asks for a config of the package '{package}', which is not "
            f"installed: {INSTALL}."
        )
    folder = Path(spec.submodule_search_locations[0]) / ".mim" / "configs"
    if package == "mmresnet" and not folder.is_dir():
        folder = config_folder()
    for candidate in (folder / name, folder / f"{name}.py"):
        if candidate.is_file():
            return candidate
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*.py")}
    by_stem = [file for file in files.values() if file.stem == Path(name).stem]
    if len(by_stem) == 1:
        return by_stem[0]
    raise UserError(f"The package '{package}' has no config '{name}'.{nearest(name, files)}")
