"""A classifier whose scores are averaged over views of an image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from mmengine.model import BaseTTAModel
from torch import Tensor, nn

from mmresnet.errors import UserTypeError
from mmresnet.registry import MODELS


@MODELS.register_module()
class AverageScoresTTA(BaseTTAModel):
    """The mean of a classifier's scores for several views of each image.

    Views are what ``TestTimeAug`` makes of an image: crops, flips, scales. Their scores are those
    of the classifier's own head: the outputs of a softmax or, of a multi-label head, of sigmoids.
    ``pred_label`` is chosen from the mean as the head chooses it.

    In contrast to mmpretrain's ``AverageClsScoreTTA``, images of different shapes in a batch are
    not padded, which would change their scores: those of one shape are computed together.

    Args:
        module: A classifier with a ``head``, or its config.
        data_preprocessor: That of the classifier, where its config has none.

    Raises:
        UserTypeError: The model is no classifier. In ``test_step``, its predictions have no
            ``pred_score``.
    """

    def __init__(
        self,
        module: dict[str, Any] | nn.Module,
        data_preprocessor: dict[str, Any] | nn.Module | None = None,
    ) -> None:
        if isinstance(module, dict) and data_preprocessor is not None:
            module = {"data_preprocessor": data_preprocessor, **module}
        super().__init__(module)
        if getattr(self.module, "head", None) is None:
            raise UserTypeError(
                f"{type(self).__name__} averages the class scores of a classifier, and "
                f"{type(self.module).__name__} has no head for classes."
            )
        # where those look who compare a model with its weights
        self.data_preprocessor = getattr(self.module, "data_preprocessor", None)

    @property
    def backbone(self) -> nn.Module:
        """The classifier's backbone."""
        backbone: nn.Module = self.module.backbone
        return backbone

    def test_step(self, data: dict[str, Any]) -> list[Any]:
        """Return the data sample of each image, with ``pred_score`` and ``pred_label``.

        Args:
            data: ``inputs``, the images (C, H, W) of the batch for each view, and
                ``data_samples``, their samples for each view.
        """
        views = zip(data["inputs"], data["data_samples"], strict=True)
        predictions = [self._predict(images, samples) for images, samples in views]
        return self.merge_preds(list(zip(*predictions, strict=True)))

    def _predict(self, images: Sequence[Tensor], samples: Sequence[Any]) -> list[Any]:
        of_shape = defaultdict(list)
        for index, image in enumerate(images):
            of_shape[tuple(image.shape)].append(index)
        predicted: dict[int, Any] = {}
        for indices in of_shape.values():
            batch = {
                "inputs": [images[index] for index in indices],
                "data_samples": [samples[index] for index in indices],
            }
            predicted.update(zip(indices, self.module.test_step(batch), strict=True))
        return [predicted[index] for index in range(len(images))]

    def merge_preds(self, data_samples_list: Iterable[Sequence[Any]]) -> list[Any]:
        """Return the first view's data sample of each image, with the mean score of all views."""
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: Sequence[Any]) -> Any:
        if any(getattr(view, "pred_score", None) is None for view in views):
            raise UserTypeError(
                f"The head {type(self.module.head).__name__} predicts no 'pred_score', a score for "
                "each class, that could be averaged."
            )
        mean = torch.stack([view.pred_score for view in views]).mean(0)
        merged = views[0]
        merged.set_pred_score(mean).set_pred_label(self._label(mean))
        return merged

    def _label(self, score: Tensor) -> Tensor:
        head: Any = self.module.head
        if not hasattr(head, "thr"):  # which multi-label heads have, ours and mmpretrain's
            return score.argmax(0, keepdim=True)
        if head.thr is None:
            return score.topk(head.topk).indices
        return torch.nonzero(score >= head.thr).flatten()
