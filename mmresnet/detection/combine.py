"""Writing an ensemble of detectors or localizers: configs and checkpoints as one of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mmresnet.atomic import atomic_folder
from mmresnet.config.classes import follow_checkpoint
from mmresnet.config.preflight.initial_weights import check_exists
from mmresnet.config.walk import parts, type_name
from mmresnet.engine.assembly import load_model, prepare
from mmresnet.errors import UserError, UserValueError
from mmresnet.weights.checkpoint import read, trained_classes

if TYPE_CHECKING:
    from mmengine.config import Config

# what a test does not read
_OF_TRAINING = (
    *("train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler", "auto_scale_lr"),
    *("val_dataloader", "val_cfg", "val_evaluator", "load_from", "resume", "work_dir"),
)


class Combined(NamedTuple):
    """The files of an ensemble, and what a reader should know of it."""

    config: Path
    checkpoint: Path
    notes: list[str]


def combine_detectors(
    members: Sequence[tuple[str | os.PathLike[str], str]], folder: str | os.PathLike[str]
) -> Combined:
    """Write an ensemble, which ``mmresnet test`` and ``mmresnet infer`` take as any detector.

    Both files have the folder's name. The config has the data, the test pipeline and, of detectors,
    the settings of ``test_cfg.rcnn`` of the first member, the checkpoint the weights of all.

    Args:
        members: Config and checkpoint of two or more Faster R-CNNs, or of two or more
            ``mmresnet.RegionLocalizer``.
        folder: Where to write; it must not exist.

    Raises:
        UserError: A file is missing, a checkpoint is not of its config, the members' classes
            differ, one is of another kind, or the folder exists.
    """
    import torch

    if len(members) < 2:
        raise UserValueError(f"An ensemble has two or more members, not {len(members)}.")
    if Path(folder).exists():
        raise UserError(f"'{folder}' exists: name a new folder for the ensemble.")
    for _, checkpoint in members:
        check_exists(checkpoint)
    configs, tensors = list[Any](), dict[str, Any]()
    names, notes = list[Any](), list[str]()
    for index, (config, checkpoint) in enumerate(members):
        cfg, content = prepare(config), read(checkpoint)
        follow_checkpoint(cfg, content)
        model = load_model(cfg, content, "cpu")
        configs.append(cfg)
        names.append(trained_classes(content))
        tensors |= {f"members.{index}.{name}": value for name, value in model.state_dict().items()}
        if names[0] and names[-1] and names[-1] != names[0]:
            raise UserValueError(_other_classes(members, index, names[0], names[-1]))
        if _test_pipeline(cfg) != _test_pipeline(configs[0]):
            notes.append(
                f"'{config}' has another test pipeline: the ensemble's is that of "
                f"'{members[0][0]}'."
            )
    ensemble = _ensemble_config(configs)
    _check_builds(ensemble)
    meta = {"dataset_meta": {"classes": next(filter(None, names), None)}}
    name = Path(folder).resolve().name  # by which a test calls its work directory
    with atomic_folder(folder) as partial:
        ensemble.dump(str(partial / f"{name}.py"))
        torch.save({"meta": meta, "state_dict": tensors}, partial / f"{name}.pth")
    return Combined(Path(folder) / f"{name}.py", Path(folder) / f"{name}.pth", notes)


def _ensemble_config(configs: Sequence[Config]) -> Config:
    """Return the first config with the model replaced, and without what is for training."""
    from mmengine.config import Config

    models = []
    for cfg in configs:
        model = cfg.model.to_dict()
        if cfg.get("data_preprocessor"):
            model.setdefault("data_preprocessor", cfg.data_preprocessor.to_dict())
        for _, part in parts(model, "model"):
            if type_name(part.get("init_cfg")) == "Pretrained":
                del part["init_cfg"]
        models.append(model)
    first = {key: value for key, value in configs[0].to_dict().items() if key not in _OF_TRAINING}
    first.pop("data_preprocessor", None)  # each member has its own
    if type_name(models[0]) == "RegionLocalizer":
        first["model"] = {"type": "mmresnet.RegionLocalizerEnsemble", "members": models}
        return Config(first)
    settings = dict((models[0].get("test_cfg") or {}).get("rcnn") or {})
    settings.pop("multi_scale", None)  # stays with the members
    first["model"] = {
        "type": "mmresnet.DetectorEnsemble",
        "members": [{**model, "train_cfg": None} for model in models],
        "test_cfg": {"rcnn": settings},
    }
    return Config(first)


def _check_builds(cfg: Config) -> None:
    """Raise what is wrong with the members of an ensemble."""
    import torch

    from mmresnet.engine.assembly import build_model

    with torch.device("meta"):
        build_model(cfg)


def _test_pipeline(cfg: Config) -> Any:
    loader = cfg.get("test_dataloader") or {}
    return (loader.get("dataset") or {}).get("pipeline")


def _other_classes(
    members: Sequence[tuple[Any, str]], index: int, first: Sequence[str], own: Sequence[str]
) -> str:
    return (
        f"'{members[index][1]}' was trained on {_quoted(own)} and '{members[0][1]}' on "
        f"{_quoted(first)}: the members of an ensemble need the same classes in the same order."
    )


def _quoted(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return f"{len(names)} classes ({shown}{', …' if len(names) > 5 else ''})"
