"""Faster R-CNN whose regions are classified at two scales of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.models import FasterRCNN as MmdetFasterRCNN
from torch import Tensor
from torch.nn import functional as F

from mmresnet.detection.pyramid import FeatureMaps, Scale
from mmresnet.detection.roi_head import RoIHead
from mmresnet.errors import UserValueError
from mmresnet.registry import MODELS


@MODELS.register_module()
class FasterRCNN(MmdetFasterRCNN):
    """mmdet's ``FasterRCNN``, which hands its RoI head feature maps of an image pyramid as well.

    With ``model.test_cfg.rcnn.multi_scale`` each image of a test is resized to these lengths of its
    shorter side, and the backbone runs on each. Regions are proposed at the scale of the test
    pipeline alone (He et al. 2015, Appendix B, "Multi-scale testing"). What is resized is the
    normalized input, bilinearly and with antialiasing, so the pipeline stays as it is; an image
    that the pipeline has made smaller is not read anew.

    Args:
        kwargs: Those of mmdet's class.

    Raises:
        UserError: ``roi_head`` is not :class:`mmresnet.detection.roi_head.RoIHead`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(self.roi_head, RoIHead):
            raise UserValueError(
                f"model.type='mmresnet.FasterRCNN' needs model.roi_head.type='mmresnet.RoIHead', "
                f"not '{type(self.roi_head).__name__}'."
            )

    def predict(self, batch_inputs: Tensor, batch_data_samples: Any, rescale: bool = True) -> Any:
        """Return the samples with their detections, as mmdet's does."""
        maps = self.test_maps(batch_inputs, batch_data_samples)
        if batch_data_samples[0].get("proposals") is None:
            proposals = self.rpn_head.predict(maps, batch_data_samples, rescale=False)
        else:
            proposals = [sample.proposals for sample in batch_data_samples]
        found = self.roi_head.predict(maps, proposals, batch_data_samples, rescale=rescale)
        return self.add_pred_to_datasample(batch_data_samples, found)

    def test_maps(self, inputs: Tensor, samples: Sequence[Any]) -> FeatureMaps:
        """Return the feature maps of (N, 3, H, W), and those of the pyramid of each image."""
        maps = self.extract_feat(inputs)
        sides = (self.roi_head.test_cfg.get("multi_scale") or {}).get("short_sides", ())
        pyramid = []
        for index, sample in enumerate(samples if sides else ()):
            height, width = sample.img_shape[:2]
            image = inputs[index : index + 1, :, :height, :width]
            own = [one[index : index + 1] for one in maps]
            pyramid.append([self._scale(image, side, own) for side in sides])
        return FeatureMaps.of(maps, samples, pyramid)

    def _scale(self, image: Tensor, side: int, own: Sequence[Tensor]) -> Scale:
        """Return a scale of an image (1, 3, H, W), whose own feature maps are known."""
        height, width = image.shape[2:]
        factor = side / min(height, width)
        new_height, new_width = round(height * factor), round(width * factor)
        if (new_height, new_width) == (height, width):
            return Scale(own, (1.0, 1.0))
        resized = F.interpolate(image, (new_height, new_width), mode="bilinear", antialias=True)
        divisor = self.data_preprocessor.pad_size_divisor
        padding = (0, -new_width % divisor, 0, -new_height % divisor)
        padded = F.pad(resized, padding, value=self.data_preprocessor.pad_value)
        return Scale(self.extract_feat(padded), (new_width / width, new_height / height))
