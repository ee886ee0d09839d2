"""The shipped recipes by name: list them, load one, build its model."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.config.find import nearest, recipe_paths
from mmresnet.config.load import load_config
from mmresnet.errors import UserError, require

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.model import BaseModel


def list_models(pattern: str = "*") -> list[str]:
    """Return the sorted names of the shipped recipes that match a glob such as ``'resnet50*'``."""
    return sorted(name for name in recipe_paths() if fnmatchcase(name, pattern))


def get_config(name: str) -> "Config":
    """Return the config of the recipe ``name``, as :func:`list_models` gives it.

    Raises:
        UserError: There is no recipe of this name; the message gives the nearest.
    """
    return load_config(_recipe(name))


def get_model(name: str, num_classes: int | None = None, weights: str | None = None) -> "BaseModel":
    """Build the model of the recipe ``name``, with random weights unless ``weights`` are given.

    Random weights are drawn as training draws them.

    Of a classification recipe it is mmpretrain's ``ImageClassifier``: ``model(images)`` takes
    normalised images of shape ``(N, 3, H, W)``; ``model.data_preprocessor`` normalises as the
    recipe does. Of a detection recipe it is mmdet's detector:
    ``model.test_step(dict(inputs=[image], data_samples=[sample]))`` takes BGR images of shape
    ``(3, H, W)`` and mmdet's ``DetDataSample`` of each, and returns the samples with boxes. Weights
    that training would begin with are not fetched.

    Args:
        num_classes: Number of classes, where it is not the recipe's.
        weights: A file, an address or a name such as ``torchvision://resnet50``, in any layout, for
            the weights of the model; random ones if None.

    Raises:
        UserError: There is no recipe of this name, or ``num_classes`` is not a positive integer,
            or the weights cannot be had or would fill only a part of the backbone.
        ImportError: The package that the model comes from is not installed.
    """
    path = _recipe(name)
    if num_classes is not None and (type(num_classes) is not int or num_classes < 1):
        raise UserError(f"num_classes={num_classes!r} must be a positive integer.")
    config = load_config(path, None if num_classes is None else {"num_classes": num_classes})
    require(config.default_scope, f"The model of '{name}'")
    from mmresnet import ops
    from mmresnet.engine.training import install_operators

    install_operators(config)
    ops.install()  # mmdet asks for mmcv's operators when it is imported, by mmpretrain perhaps
    from mmengine.logging import MMLogger
    from mmengine.registry import MODELS

    model = config.model
    drop_pretrained(model)
    if "data_preprocessor" in config:
        model.setdefault("data_preprocessor", config.data_preprocessor)
    # by the recipe's own scope, so that the caller's default scope stays what it is
    built = MODELS.build({**model, "_scope_": config.default_scope})
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel("WARNING")  # else every parameter is listed, with how it was drawn
    try:
        built.init_weights()
    finally:
        logger.setLevel(level)
    if weights is not None:
        from mmresnet.weights import load_weights

        logger.info(str(load_weights(built, weights)))
    return built


def drop_pretrained(part: Any) -> None:
    """Let no part of a model's config begin with weights from a file."""
    if isinstance(part, dict):
        init_cfg = part.get("init_cfg")
        if isinstance(init_cfg, dict) and init_cfg.get("type") == "Pretrained":
            del part["init_cfg"]
        part = list(part.values())
    if isinstance(part, (list, tuple)):
        for item in part:
            drop_pretrained(item)


def _recipe(name: str) -> Path:
    recipes = recipe_paths()
    if name not in recipes:
        raise UserError(
            f"There is no recipe '{name}'.{nearest(str(name), recipes)} "
            f"mmresnet.apis.list_models() lists them all."
        )
    return recipes[name]
