"""What localizers read from data samples, and write into them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmresnet.errors import UserValueError
from mmresnet.models.heads.targets import single_labels

FIELDS = ("gt_class_bbox", "pred_labels", "pred_bboxes", "pred_scores")
"""The fields of a sample with results.

* ``gt_class_bbox``: the box for the image's own class, (4,), x1 y1 x2 y2 in pixels of the image;
* ``pred_labels``: the predicted classes, int64 (K,), the most likely first; none without
  ``predicted_classes``;
* ``pred_bboxes``: the box for each of them, (K, 4);
* ``pred_scores``: the localizer's score for each box, (K,).
"""


def wanted_classes(data_samples: Sequence[Any], num_classes: int) -> Tensor:
    """Return the classes to find in each image, int64 (N, K): its own, then those predicted.

    Raises:
        ValueError: An image has no label, or one that is out of range.
    """
    if any(getattr(one, "gt_label", None) is None for one in data_samples):
        raise UserValueError(
            "A localizer finds the box of a given class, and the images have none: use "
            "'mmresnet test' with a data set that gives classes, such as mmresnet.ImageNetLoc."
        )
    own = single_labels(data_samples, num_classes).cpu()
    predicted = [getattr(one, "predicted_classes", ()) for one in data_samples]
    return torch.cat([own[:, None], torch.as_tensor(_array(predicted))], dim=1)


def set_results(data_sample: Any, classes: Tensor, boxes: Tensor, scores: Tensor) -> Any:
    """Write :data:`FIELDS` into a sample: the first class is its own, the others the predicted."""
    values = (boxes[0], classes[1:], boxes[1:], scores[1:])
    for name, value in zip(FIELDS, values, strict=True):
        data_sample.set_field(value, name)
    return data_sample


def _array(rows: Sequence[Any]) -> Tensor:
    return torch.stack([torch.as_tensor(row, dtype=torch.long) for row in rows])
