"""Parameters and multiply-adds of every net of the family, counted on the built nets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from mmresnet.models import backbones

HEADER = """\
# Parameters and multiply-adds

Written by `tools/model_complexity.py`: each net with global average pooling and a fully connected
layer (1000 classes at 224 pixels, 10 at 32), counted by `mmengine.analysis`, as in the OpenMMLab
model zoos. VGG-16 and -19 are torchvision's, for comparison. In the
paper (Table 1), ResNet-18 to -152 have 1.8, 3.6, 3.8, 7.6 and 11.3 G multiply-adds, VGG-16 and -19
15.3 and 19.6 G. Its bottlenecks have the stride in the first 1×1 convolution, as the nets called
caffe here (`style='caffe'`); by default it is in the 3×3, which costs about 0.2 G more. A and C are
the shortcuts of Table 3; the others are B.

"""
COLUMNS = """\
| net | input | parameters (M) | multiply-adds (G) |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Complexity:
    """One row of the table: a classifier and its cost."""

    name: str
    input_size: int
    parameters: int
    multiply_adds: int

    def row(self) -> str:
        """Return the row in Markdown: millions of parameters, billions of multiply-adds."""
        parameters, adds = self.parameters / 1e6, self.multiply_adds / 1e9
        return f"| {self.name} | {self.input_size} | {parameters:.2f} | {adds:.2f} |"


class _Classifier(nn.Module):
    """A backbone with the paper's global average pooling and fully connected layer."""

    def __init__(self, backbone: backbones.ResNet, num_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(backbone.feat_dim, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, H, W) -> (N, num_classes)``."""
        return self.fc(self.pool(self.backbone(x)[-1]).flatten(1))


def nets() -> Iterator[tuple[str, int, Callable[[], nn.Module]]]:
    """Yield name, input size and factory of each net: ImageNet's, VGG to compare, CIFAR-10's."""
    for name in ("ResNet", "ResNetV1c", "ResNetV1d"):
        for depth in backbones.ResNet.arch_settings:
            yield f"{name}-{depth}", 224, _factory(name, depth, 1000)
    for depth in (50, 101, 152):
        yield f"ResNet-{depth} caffe", 224, _factory("ResNet", depth, 1000, style="caffe")
    for option in ("A", "C"):
        yield f"ResNet-34 {option}", 224, _factory("ResNet", 34, 1000, shortcut=option)
    for depth in backbones.PlainNet.arch_settings:
        yield f"PlainNet-{depth}", 224, _factory("PlainNet", depth, 1000)
    for depth in (16, 19):
        yield f"VGG-{depth}", 224, _vgg_factory(depth)
    for depth in backbones.ResNet_CIFAR.arch_settings:
        yield f"ResNet_CIFAR-{depth}", 32, _factory("ResNet_CIFAR", depth, 10)
    for depth in (20, 32, 44, 56, 110, 1202):
        yield f"CifarResNet-{depth}", 32, _factory("CifarResNet", depth, 10)
    for depth in (20, 32, 44, 56, 110):
        yield f"CifarPlainNet-{depth}", 32, _factory("CifarPlainNet", depth, 10)


def measure(name: str, input_size: int, make: Callable[[], nn.Module]) -> Complexity:
    """Count with mmengine's analysis, by the convention of the OpenMMLab model zoos."""
    from mmengine.analysis import get_model_complexity_info

    info = get_model_complexity_info(
        make().eval(), input_shape=(3, input_size, input_size), show_table=False, show_arch=False
    )
    return Complexity(name, input_size, int(info["params"]), int(info["flops"]))


def _factory(name: str, depth: int, num_classes: int, **keywords: str) -> Callable[[], nn.Module]:
    return lambda: _Classifier(getattr(backbones, name)(depth=depth, **keywords), num_classes)


def _vgg_factory(depth: int) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        import torchvision

        return getattr(torchvision.models, f"vgg{depth}")()

    return make
