"""The shipped recipes by name: list them, load one, build its model."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.config.find import nearest, recipe_paths
from mmresnet.config.load import load_config
from mmresnet.config.walk import parts, type_name
from mmresnet.errors import UserError

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
    from mmresnet.engine.assembly import build_model, prepare

    config = prepare(path, None if num_classes is None else {"num_classes": num_classes})
    for _, part in parts(config.model, "model"):
        if type_name(part.get("init_cfg")) == "Pretrained":
            del part["init_cfg"]
    model = build_model(config)
    from mmengine.logging import MMLogger

    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel("WARNING")  # else every parameter is listed, with how it was drawn
    try:
        model.init_weights()
    finally:
        logger.setLevel(level)
    if weights is not None:
        from mmresnet.weights import load_weights

        logger.info(str(load_weights(model, weights)))
    return model


def _recipe(name: str) -> Path:
    recipes = recipe_paths()
    if name not in recipes:
        raise UserError(
            f"There is no recipe '{name}'.{nearest(str(name), recipes)} "
            f"'mmresnet recipes' lists them all."
        )
    return recipes[name]
