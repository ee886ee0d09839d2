"""Class activation maps: which parts of an image speak for a class."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mmresnet.errors import MissingPackageError, UserError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from mmengine.config import Config

    from mmresnet.inference.pipeline import Image

METHODS = ("cam", "grad-cam")
_Computed = tuple[Tensor, Callable[[list[int]], Tensor]]
"""The logits of an image, (K,), and what gives the maps of classes, (n, h, w)."""


@dataclass(frozen=True)
class ClassMap:
    """The map of a class for one image.

    Attributes:
        values: (h, w) float32 over what the model sees of the image; positive where it speaks for
            the class. Those of the exact map add up to the class's logit without its bias.
        score: The class's probability.
    """

    values: np.ndarray
    class_id: int
    score: float


def exact_map(features: Tensor, weight: Tensor) -> Tensor:
    """Return the class activation maps of a linear layer on averaged features (Zhou et al. 2016).

    Args:
        features: (N, C, h, w), those that are averaged.
        weight: (K, C), that of the linear layer.

    Returns:
        (N, K, h, w). Average and linear layer commute, so the sum over the positions of a map is
        the class's logit without its bias.
    """
    return torch.einsum("nchw,kc->nkhw", features, weight) / features[0, 0].numel()


def grad_cam(
    classifier: Callable[..., Tensor], layer: nn.Module, inputs: Tensor, class_ids: list[int]
) -> Tensor:
    """Return the Grad-CAM of a layer for each class (Selvaraju et al. 2017), by captum.

    Args:
        classifier: Returns logits, (N, K), for inputs.
        layer: One of its layers, with an output (N, C, h, w) or several, of which the last counts.
        inputs: (1, 3, H, W).

    Returns:
        (len(class_ids), h, w), not negative.

    Raises:
        MissingPackageError: captum is not installed.
        UserError: The layer has another output.
    """
    captum = _captum()
    repeated = inputs.repeat(len(class_ids), 1, 1, 1).requires_grad_()  # if all layers are frozen
    found = captum.LayerGradCam(classifier, layer).attribute(
        repeated, target=class_ids, relu_attributions=True
    )
    maps = found if isinstance(found, Tensor) else found[-1]
    if maps.ndim != 4:
        raise UserError(
            f"The layer, a {type(layer).__name__}, has no output (N, C, h, w), which Grad-CAM "
            "needs: name a convolutional layer, such as --layer backbone.layer4."
        )
    return maps[:, 0].detach()


class Explainer:
    """A classifier that stays loaded, and its class activation maps.

    Attributes:
        method: How maps are computed, "cam" or "grad-cam".
        classes: The names of the classes; a class id is an index into them.
        reader: Reads images as the recipe's test pipeline does.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Config,
        checkpoint: str | os.PathLike[str],
        method: str | None = None,
        layer: str | None = None,
        *,
        device: str = "auto",
        cfg_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Load the model.

        Args:
            method: "cam" is exact, for models with global average pooling and a linear layer;
                "grad-cam" is for any classifier and layer. None is "cam" where that is possible and
                no layer is given.
            layer: That of Grad-CAM, such as "backbone.layer3"; None is the backbone's output.

        Raises:
            UserError: A mistake in the config or the arguments, or a checkpoint of another model.
            MissingPackageError: Grad-CAM needs captum, which is not installed.
        """
        from mmresnet.config.classes import class_names, follow_checkpoint
        from mmresnet.config.preflight.initial_weights import check_exists
        from mmresnet.engine.assembly import building, load_model, prepare
        from mmresnet.inference.pipeline import Reader, test_dataset
        from mmresnet.weights.checkpoint import read

        checkpoint = os.fspath(checkpoint)
        _check_method(method, layer)
        check_exists(checkpoint)
        cfg = prepare(config, cfg_options)
        content = read(checkpoint)
        follow_checkpoint(cfg, content)
        with building(cfg):
            self.classes = class_names(test_dataset(cfg), content)
        self.reader = Reader(cfg)
        self.model: Any = load_model(cfg, content, device)
        _check_classifier(self.model)
        exact = averages(self.model)
        if method == "cam" and not exact:
            neck, head = (type(getattr(self.model, part, None)) for part in ("neck", "head"))
            raise UserError(
                "The exact class activation map is of a model whose features are averaged and then "
                f"go through one linear layer; neck and head of this one are {neck.__name__} and "
                f"{head.__name__}: take the method grad-cam."
            )
        self.method = method or ("cam" if exact and layer is None else "grad-cam")
        if self.method == "grad-cam":
            _captum()
        self._layer = self._find_layer("backbone" if layer is None else layer)
        self._compute = self._exact if self.method == "cam" else self._gradients

    def __call__(self, image: Image, class_ids: Sequence[int] = ()) -> list[ClassMap]:
        """Return the maps of these classes for an image; without any, of the best class."""
        batch = {"inputs": [image.data["inputs"]], "data_samples": [image.data["data_samples"]]}
        inputs = self.model.data_preprocessor(batch, training=False)["inputs"]
        logits, maps_of = self._compute(inputs)
        multi_label = hasattr(getattr(self.model, "head", None), "thr")
        scores = logits.sigmoid() if multi_label else logits.softmax(0)
        wanted = list(class_ids) or [int(scores.argmax())]
        return [
            ClassMap(one.float().cpu().numpy(), number, float(scores[number]))
            for one, number in zip(maps_of(wanted), wanted, strict=True)
        ]

    @torch.inference_mode()
    def _exact(self, inputs: Tensor) -> _Computed:
        model = self.model
        features = model.extract_feat(inputs, stage="backbone")
        logits, weight = model.head(model.neck(features))[0], model.head.fc.weight.detach()
        return logits, lambda class_ids: exact_map(features[-1], weight[class_ids])[0]

    def _gradients(self, inputs: Tensor) -> _Computed:
        with torch.inference_mode():
            logits = self.model(inputs, mode="tensor")[0]
        return logits, lambda class_ids: grad_cam(self.model, self._layer, inputs, class_ids)

    def _find_layer(self, name: str) -> nn.Module:
        layers = dict(self.model.named_modules())
        layers.pop("")  # the model itself
        if name not in layers:
            raise UserError(f"The model has no layer '{name}'.{did_you_mean(name, layers)}")
        return layers[name]


def averages(classifier: Any) -> bool:
    """Return whether a classifier's logits are a linear layer ``fc`` on averaged features.

    Its parts may be any package's: they are tried on random features.
    """
    neck, head = getattr(classifier, "neck", None), getattr(classifier, "head", None)
    linear = getattr(head, "fc", None)
    if neck is None or head is None or not isinstance(linear, nn.Linear):
        return False
    features = torch.rand(1, linear.in_features, 2, 3, device=linear.weight.device)
    with torch.inference_mode():
        try:
            logits = head(neck((features,)))
        except (RuntimeError, ValueError):  # they take features of another shape
            return False
        expected = linear(features.mean((2, 3)))
    return logits.shape == expected.shape and torch.allclose(logits, expected, atol=1e-5)


def find_class(name: str, classes: Sequence[str]) -> int:
    """Return the id of the class with a name, or with it as one of its synonyms, as ImageNet's.

    Raises:
        UserError: There is none, or there are several.
    """
    if name in classes:
        return classes.index(name)
    found = [i for i, synonyms in enumerate(classes) if name in synonyms.split(", ")]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"Several classes are a '{name}': {'; '.join(classes[i] for i in found)}.")
    known = [one for synonyms in classes for one in (synonyms, *synonyms.split(", "))]
    raise UserError(
        f"The model has no class '{name}' among its {len(classes)}.{did_you_mean(name, known)}"
    )


def _check_classifier(model: nn.Module) -> None:
    from mmpretrain.models.classifiers import BaseClassifier

    if not isinstance(model, BaseClassifier):
        raise UserError(
            f"Activation maps are drawn for classifiers, and the model is a {type(model).__name__}."
        )


def _check_method(method: str | None, layer: str | None) -> None:
    if method not in (None, *METHODS):
        raise UserError(
            f"There is no method '{method}': cam or grad-cam.{did_you_mean(method, METHODS)}"
        )
    if method == "cam" and layer is not None:
        raise UserError(
            "The exact map is one of the backbone's last features: for the layer "
            f"'{layer}', take the method grad-cam."
        )


def _captum() -> Any:
    try:
        return importlib.import_module("captum.attr")
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "Grad-CAM needs the package 'captum', which is not installed: "
            'pip install "mmresnet[report]".'
        ) from error
