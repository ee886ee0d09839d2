"""Loading a config by path or name, with settings overridden."""

import copy
import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet import compat
from mmresnet.config.find import find_config
from mmresnet.config.overrides import apply_variable, merge_options, runner_keys
from mmresnet.config.walk import parts
from mmresnet.errors import UserError, require

if TYPE_CHECKING:
    from mmengine.config import Config


def load_config(
    config: "str | os.PathLike[str] | Config", cfg_options: Mapping[str, Any] | None = None
) -> "Config":
    """Load a config and override settings in it.

    A variable at the top level (``data_root``, ``num_classes``, ``batch_size`` …) that an
    inheriting file or an option changes is changed wherever it was used, so that two options
    suffice for another folder of images: ``{'data_root': '/my/folder', 'num_classes': 5}``. How
    it is decided what used it: :mod:`mmresnet.config.overrides`. Two settings that could not stay
    as they are follow as well: of ``topk=(1, 5)`` an entry above the number of classes is
    dropped, and ``num_workers=0`` switches ``persistent_workers`` off.

    Args:
        config: As :func:`mmresnet.config.find.find_config` takes it, or a Config, which is copied.
        cfg_options: New values by dotted path, such as ``{'optim_wrapper.optimizer.lr': 0.01}``;
            an element of a list is named by its index.

    Raises:
        UserError: There is no such config, it has a mistake in it, or an option names a setting
            that nothing has.
    """
    require("mmengine", "Loading a config")
    import mmresnet.registry  # noqa: F401  for whoever builds the parts of the config

    return read_config(config, cfg_options)


def read_config(
    config: "str | os.PathLike[str] | Config", cfg_options: Mapping[str, Any] | None = None
) -> "Config":
    """Return what :func:`load_config` does, without importing torch."""
    require("mmengine", "Loading a config")
    from mmengine.config import Config

    compat.apply(compat.INSTALLED_PACKAGES)  # lets mmengine find the bases of 'mmdet::…'
    history: dict[str, list[Any]] = {}
    if isinstance(config, Config):
        cfg = copy.deepcopy(config)
    else:
        path = find_config(config)
        cfg, history = _from_file(path), variables_of_bases(path)
    settings = runner_keys()
    for key, olds in history.items():
        if key in cfg and key not in settings:
            new = _unscoped(cfg[key])
            for old in olds:
                if old != new:
                    apply_variable(cfg, key, old, new)
    if cfg_options:
        merge_options(cfg, cfg_options, history)
    _settle(cfg)
    return cfg


def _from_file(path: Path) -> "Config":
    from mmengine.config import Config

    try:
        return Config.fromfile(path)
    except UserError:
        raise
    except Exception as error:
        raise UserError(_describe(error, path)) from error


def _describe(error: Exception, path: Path) -> str:
    """Return what is wrong in which file and line."""
    if isinstance(error, SyntaxError):
        # mmengine wraps the error of a base in one of its own, without the line
        cause = error.__cause__ or error.__context__
        cause = cause if error.lineno is None and isinstance(cause, SyntaxError) else error
        line = f"line {cause.lineno}" + (f" (`{cause.text.strip()}`)" if cause.text else "")
        return f"The config '{_file_being_read(error, path)}' is not Python in {line}: {cause.msg}."
    said = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.name == "<module>" and Path(frame.filename).suffix == ".py":
            return (
                f"The config '{frame.filename}' fails in line {frame.lineno}: "
                f"{type(error).__name__}: {said}"
            )
    return (
        f"The config '{_file_being_read(error, path)}' cannot be read: "
        f"{type(error).__name__}: {said}"
    )


def _file_being_read(error: Exception, path: Path) -> str:
    """Return the file of the chain of bases whose reading failed, from mmengine's frames."""
    name = str(path)
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name in ("_file2dict", "_is_lazy_import"):
            name = str(frame.f_locals.get("filename", name))
    return os.path.normpath(name)


def variables_of_bases(path: Path) -> dict[str, list[Any]]:
    """Return the values that each top-level variable had in the files that ``path`` inherits."""
    history: dict[str, list[Any]] = {}
    for base in bases_of(path):
        for key, value in _from_file(base).items():
            history.setdefault(key, []).append(_unscoped(value))
        for key, values in variables_of_bases(base).items():
            history.setdefault(key, []).extend(values)
    return history


def load_bases(config: "str | os.PathLike[str]") -> dict[str, Any]:
    """Return the settings of the files that a config inherits from, without its own."""
    settings: dict[str, Any] = {}
    for base in bases_of(find_config(config)):
        settings |= load_config(base).to_dict()
    return settings


def bases_of(path: Path) -> list[Path]:
    """Return the files that a config inherits from directly."""
    from mmengine.config import Config

    if path.suffix != ".py" or Config._is_lazy_import(str(path)):
        return []  # a config in imported Python has no copies that could stay behind
    names = Config._get_base_files(str(path))
    return [find_config(name) if "::" in name else path.parent / name for name in names]


def _unscoped(value: Any) -> Any:
    """Return a variable without the ``_scope_`` that mmengine adds to those of another package."""
    if isinstance(value, dict):
        return type(value)({k: _unscoped(v) for k, v in value.items() if k != "_scope_"})
    return type(value)(map(_unscoped, value)) if isinstance(value, (list, tuple)) else value


def _settle(cfg: "Config") -> None:
    """Let settings follow that cannot stay as they are; see :func:`load_config`."""
    model = cfg.get("model")
    head = model.get("head") if isinstance(model, dict) else None
    classes = head.get("num_classes") if isinstance(head, dict) else None
    for _, part in parts(cfg):
        topk = part.get("topk")
        if isinstance(topk, (list, tuple)) and isinstance(classes, int):
            part["topk"] = type(topk)(k for k in topk if k <= classes)
        if part.get("num_workers") == 0 and part.get("persistent_workers"):
            part["persistent_workers"] = False
