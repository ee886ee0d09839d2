"""Class activation maps: which parts of an image speak for a class."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mmresnet.errors import MissingPackageError, UserError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from mmresnet.inference.pipeline import Image, Reader

METHODS = ("cam", "grad-cam")


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


def grad_cam(logits: nn.Module, layer: nn.Module, inputs: Tensor, class_ids: list[int]) -> Tensor:
    """Return the Grad-CAM of a layer for each class (Selvaraju et al. 2017), by captum.

    Args:
        logits: A net that returns logits, (N, K).
        layer: One of its layers, with an output (N, C, h, w) or several, of which the last counts.
        inputs: (1, 3, H, W).

    Returns:
        (len(class_ids), h, w), not negative.

    Raises:
        MissingPackageError: captum is not installed.
        UserError: The layer has another output.
    """
    captum = _captum()
    repeated = inputs.expand(len(class_ids), *inputs.shape[1:]).contiguous()
    found = captum.LayerGradCam(logits, layer).attribute(
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
        classes: The names of the classes; a class id is an index into them.
        reader: Reads images as the recipe's test pipeline does.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Any,
        checkpoint: str | os.PathLike[str],
        method: str = "cam",
        layer: str | None = None,
        *,
        device: str = "auto",
        cfg_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Load the model.

        Args:
            method: "cam" is exact, for models with global average pooling and a linear layer;
                "grad-cam" is for any classifier and layer.
            layer: That of Grad-CAM, such as "backbone.layer3"; None is the backbone's output.

        Raises:
            UserError: A mistake in the config or the arguments, or a checkpoint of another model.
        """
        from mmresnet.config.classes import class_names, follow_checkpoint
        from mmresnet.config.preflight.initial_weights import check_exists
        from mmresnet.engine.assembly import building, load_model, prepare
        from mmresnet.inference.pipeline import Reader, test_dataset
        from mmresnet.weights.checkpoint import read

        if method not in METHODS:
            raise UserError(
                f"There is no method '{method}': cam or grad-cam.{did_you_mean(method, METHODS)}"
            )
        if method == "cam" and layer is not None:
            raise UserError(
                "The exact map is one of the backbone's last features: for the layer "
                f"'{layer}', take the method grad-cam."
            )
        checkpoint = os.fspath(checkpoint)
        check_exists(checkpoint)
        cfg = prepare(config, cfg_options)
        content = read(checkpoint)
        follow_checkpoint(cfg, content)
        with building(cfg):
            self.classes = class_names(test_dataset(cfg), content)
        self.reader: Reader = Reader(cfg)
        self.model: Any = load_model(cfg, content, device)
        if not hasattr(self.model, "head"):
            raise UserError(
                f"The model must be a classifier, and is a {type(self.model).__name__}."
            )
        if method == "grad-cam":
            _captum()
        self._layer = self._find_layer("backbone" if layer is None else layer)
        self._maps = self._exact_maps if method == "cam" else self._gradient_maps

    def __call__(self, image: Image, class_ids: Sequence[int] = ()) -> list[ClassMap]:
        """Return the maps of these classes for an image; without any, of the best class."""
        batch = {"inputs": [image.data["inputs"]], "data_samples": [image.data["data_samples"]]}
        inputs = self.model.data_preprocessor(batch, training=False)["inputs"]
        return self._maps(inputs, list(class_ids))

    def _exact_maps(self, inputs: Tensor, class_ids: list[int]) -> list[ClassMap]:
        model = self.model
        with torch.inference_mode():
            features = model.extract_feat(inputs, stage="backbone")[-1]
            logits = model.head(model.neck((features,)) if model.with_neck else (features,))
            self._check_linear(features, logits)
            scores = self._scores(logits)
            class_ids = class_ids or [int(scores.argmax())]
            maps = exact_map(features, model.head.fc.weight[class_ids])[0]
        return _class_maps(maps, class_ids, scores)

    def _gradient_maps(self, inputs: Tensor, class_ids: list[int]) -> list[ClassMap]:
        with torch.inference_mode():
            scores = self._scores(self.model(inputs, mode="tensor"))
        class_ids = class_ids or [int(scores.argmax())]
        maps = grad_cam(self.model, self._layer, inputs, class_ids)
        return _class_maps(maps, class_ids, scores)

    def _scores(self, logits: Tensor) -> Tensor:
        """Return the probabilities of the classes, (K,)."""
        multi_label = hasattr(self.model.head, "thr")
        return logits[0].sigmoid() if multi_label else logits[0].softmax(0)

    def _check_linear(self, features: Tensor, logits: Tensor) -> None:
        """Check that the logits are a linear layer's of averaged features, whatever the parts."""
        linear = getattr(self.model.head, "fc", None)
        if isinstance(linear, nn.Linear) and linear.in_features == features.shape[1]:
            expected = linear(features.mean((2, 3)))
            if torch.allclose(expected, logits, rtol=1e-3, atol=1e-3):
                return
        neck = type(self.model.neck).__name__ if self.model.with_neck else "no neck"
        raise UserError(
            "The exact class activation map is for a model whose features are averaged and then "
            f"go through one linear layer; this one has {neck} and {type(self.model.head).__name__}"
            ": take the method grad-cam."
        )

    def _find_layer(self, name: str) -> nn.Module:
        layers = dict(self.model.named_modules())
        layers.pop("")  # the model itself
        if name not in layers:
            raise UserError(f"The model has no layer '{name}'.{did_you_mean(name, layers)}")
        return layers[name]


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


def _class_maps(maps: Tensor, class_ids: list[int], scores: Tensor) -> list[ClassMap]:
    return [
        ClassMap(one.float().cpu().numpy(), number, float(scores[number]))
        for one, number in zip(maps, class_ids, strict=True)
    ]


def _captum() -> Any:
    try:
        return importlib.import_module("captum.attr")
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "Grad-CAM needs the package 'captum', which is not installed: "
            'pip install "mmresnet[report]".'
        ) from error
