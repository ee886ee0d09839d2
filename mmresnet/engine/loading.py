"""The model of a config with the weights of a checkpoint, ready to be asked."""

from __future__ import annotations

import copy
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from mmresnet import ops
from mmresnet.engine.check_checkpoint import read_checkpoint, trained_classes
from mmresnet.errors import UserError, require

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config

# The layers whose rows are the classes, and how many rows more they have: softmax over boxes knows
# a class "none of them" (mmdet's bbox_head, "cls_out_channels").
_CLASS_LAYERS = (
    (r"head\.fc\.weight", 0),
    (r"roi_head\.bbox_head\.(\d+\.)?fc_cls\.weight", 1),
)


def load_settings(
    config: str | os.PathLike | Config, cfg_options: Mapping[str, Any] | None, device: str
) -> Config:
    """Return the config, to be changed at will, after the device is settled.

    Raises:
        UserError: There is no such config, it has a mistake in it, or there is no GPU.
    """
    from mmresnet.config.preflight import check

    check.check_device(device)  # first: mmengine looks for GPUs when it is imported
    from mmengine.config import Config

    from mmresnet.config.load import load_config
    from mmresnet.engine.training import install_operators

    if importlib.util.find_spec("mmdet"):
        # A classifier's package imports parts of mmdet, and of mmcv for mmdet, that would then be
        # without operators for a detector loaded later.
        ops.install()
    if isinstance(config, Config):
        cfg = copy.deepcopy(config)
        if cfg_options:
            cfg.merge_from_dict(dict(cfg_options))
    else:
        cfg = load_config(config, cfg_options)
    install_operators(cfg)
    return cfg


def load_model(
    cfg: Config, checkpoint: str, device: str = "auto", content: dict | None = None
) -> torch.nn.Module:
    """Return the model of ``cfg`` in eval mode, with the checkpoint's weights, on its device.

    Args:
        content: What the checkpoint holds, if it has been read already.

    Raises:
        UserError: a mistake in the model's settings, a checkpoint of another model, or one with
            weights that are infinite or no numbers.
    """
    from mmengine.registry import MODELS

    from mmresnet.config.preflight import check
    from mmresnet.weights.load import load_weights
    from mmresnet.weights.names.match import backbones

    settings = cfg.model.copy()
    if "data_preprocessor" not in settings and cfg.get("data_preprocessor"):
        settings["data_preprocessor"] = cfg.data_preprocessor
    with check.explain_mistakes(cfg), parts_of(cfg):
        model = MODELS.build(settings)
    content = read_checkpoint(checkpoint) if content is None else content
    check.check_checkpoint(model, checkpoint, head_may_differ=False, loaded=content)
    for name, value in _tensors(content):
        if value.is_floating_point() and not value.isfinite().all():
            raise UserError(
                f"The checkpoint '{checkpoint}' holds values that are infinite or no numbers (the "
                f"first: {name}): its training has diverged; use an earlier one."
            )
    if backbones(model):
        load_weights(model, content)
    else:
        model.load_state_dict(dict(_tensors(content)))
    return model.to("cuda" if check.check_device(device) else "cpu").eval()


def parts_of(cfg: Config) -> AbstractContextManager:
    """Return a context in which types are looked up where ``cfg`` wants them.

    The default scope of the process stays what it is.
    """
    from mmengine.registry import DefaultScope

    scope = cfg.get("default_scope") or "mmpretrain"
    require(scope, f"The config '{cfg.filename or 'given'}'")
    return DefaultScope.overwrite_default_scope(scope)


def count_classes(content: dict) -> int | None:
    """Return how many classes the model of a checkpoint knows, None where nothing tells it."""
    from mmresnet.weights.names.recognise import recognise

    tensors = dict(_tensors(content))
    for name, value in tensors.items():
        for layer, more in _CLASS_LAYERS:
            if re.fullmatch(layer, name):
                return len(value) - more
    found = recognise(tensors)
    if found is not None and found.head:
        return len(tensors[found.head["head.weight"]])
    names = trained_classes(content)
    return None if names is None else len(names)


def _tensors(content: dict) -> Iterator[tuple[str, torch.Tensor]]:
    from mmresnet.weights.names.recognise import unwrap

    yield from unwrap(content)[0].items()


def follow_checkpoint(cfg: Config, content: dict) -> None:
    """Give the heads of ``cfg`` the checkpoint's number of classes, if the recipe's is another."""
    count = count_classes(content)
    model = cfg.model
    head = model.get("head") or (model.get("roi_head") or model).get("bbox_head") or {}
    head = head[0] if isinstance(head, (list, tuple)) else head
    old = head.get("num_classes")
    if count is not None and old not in (None, count):
        for part in _parts_with_classes(model):
            if part["num_classes"] == old:  # a semantic head has a number of its own
                part["num_classes"] = count


def _parts_with_classes(part: Any) -> Iterator[dict]:
    """Yield the settings that tell a number of classes; a region proposal head knows just one."""
    if isinstance(part, dict):
        if "num_classes" in part:
            yield part
        part = [value for key, value in part.items() if key != "rpn_head"]
    if isinstance(part, (list, tuple)):
        for item in part:
            yield from _parts_with_classes(item)


def class_names(cfg: Config, content: dict) -> list[str]:
    """Return the names of the classes: those that the checkpoint tells, or the recipe's data set.

    Names that are not as many as the classes are not taken. Where there are no others, the classes
    are called by their numbers.
    """
    count = count_classes(content)
    with parts_of(cfg):
        for found in (trained_classes(content) or (), *_names_in_settings(test_dataset(cfg))):
            if found and count in (None, len(found)):
                return [str(name) for name in found]
    return [str(number) for number in range(count or 0)]


def test_dataset(cfg: Config) -> dict:
    """Return the settings of the set that the recipe is tested on, out of any wrapper.

    Raises:
        UserError: The config has none.
    """
    loader = cfg.get("test_dataloader") or cfg.get("val_dataloader") or {}
    dataset = loader.get("dataset") or {}
    while dataset and "pipeline" not in dataset and ("dataset" in dataset or "datasets" in dataset):
        dataset = dataset["dataset"] if "dataset" in dataset else dataset["datasets"][0]
    if "pipeline" not in dataset:
        raise UserError(
            "The config has no test_dataloader.dataset.pipeline, which says how an image is "
            "prepared for its model: use the recipe that the checkpoint was trained with."
        )
    return dataset


def _names_in_settings(dataset: dict) -> Iterator[Sequence[str]]:
    from mmengine.registry import DATASETS

    from mmresnet.datasets.coco_file import read_classes

    classes = (dataset.get("metainfo") or {}).get("classes") or ()
    yield (classes,) if isinstance(classes, str) else classes
    path = os.path.join(dataset.get("data_root") or "", dataset.get("ann_file") or "")
    if path.endswith(".json") and os.path.isfile(path):
        yield read_classes(path)
    kind = dataset.get("type")
    if isinstance(kind, str):
        with DATASETS.switch_scope_and_registry(None) as registry:
            kind = registry.get(kind)
    yield getattr(kind, "METAINFO", {}).get("classes") or ()
    if "imagenet" in str(dataset.get("data_root")).lower():  # weights from elsewhere have no names
        from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

        yield IMAGENET_CATEGORIES
