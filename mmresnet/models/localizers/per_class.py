"""Sibling layers for scores and boxes with outputs for each class, computed for those asked for."""

from torch import Tensor, nn


class PerClassLayers(nn.Module):
    """Two sibling 1×1 convolutions: a logit and four box regressors for each class and anchor.

    For 1,000 classes and 9 anchors they have 45,000 outputs at each position. An image needs those
    of a few classes, so only these are computed, from the layers' weights for them.

    Args:
        in_channels: Channels of the features, D.
        num_classes: C.
        num_anchors: Anchors at each position, A.
    """

    def __init__(self, in_channels: int, num_classes: int, num_anchors: int) -> None:
        super().__init__()
        self.num_classes, self.num_anchors = num_classes, num_anchors
        self.cls = nn.Conv2d(in_channels, num_classes * num_anchors, 1)
        self.reg = nn.Conv2d(in_channels, num_classes * num_anchors * 4, 1)

    def forward(self, features: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits, (N, K, H * W * A), and regressors, (N, K, H * W * A, 4), in float32.

        Args:
            features: (N, D, H, W).
            classes: The K classes of each image, int64 (N, K).
        """
        images, channels, height, width = features.shape
        count = classes.shape[1]
        flat = features.flatten(2)
        results = []
        for layer, size in ((self.cls, 1), (self.reg, 4)):
            rows = self.num_anchors * size
            weight = layer.weight.view(self.num_classes, rows, channels)[classes]
            bias = layer.bias.view(self.num_classes, rows)[classes]  # type: ignore[union-attr]
            outputs = weight.flatten(1, 2) @ flat + bias.flatten(1, 2)[..., None]
            # (N, K * A * size, H * W) -> (N, K, H * W, A * size)
            outputs = outputs.view(images, count, rows, -1).transpose(2, 3)
            results.append(outputs.reshape(images, count, height * width * self.num_anchors, size))
        logits, deltas = results
        return logits[..., 0].float(), deltas.float()
