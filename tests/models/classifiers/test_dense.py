"""Dense testing equals what it is defined by, and sliding crops where these are exact."""

import pytest
import torch
from mmengine.registry import MODELS as ENGINE_MODELS
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn
from torch.nn import functional as F

from mmresnet.errors import UserTypeError
from mmresnet.models.classifiers import DenseTTA, WindowAveragePooling
from mmresnet.models.heads import LinearClsHead
from mmresnet.models.necks import GlobalAveragePooling

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")
C = 5


def config(**changed):
    torch.manual_seed(0)
    parts = {
        "type": "ImageClassifier",
        "backbone": {"type": "mmresnet.CifarResNet", "depth": 8},
        "neck": {"type": "mmresnet.GlobalAveragePooling"},
        "head": {"type": "mmresnet.LinearClsHead", "num_classes": C, "in_channels": 64},
    }
    return {**parts, **changed}


def image_of(height, width):
    return torch.randn(3, height, width, generator=torch.Generator().manual_seed(1))


def score_of(model, *views):
    data = {"inputs": [[one] for one in views], "data_samples": [[DataSample()] for _ in views]}
    (sample,) = model.eval().test_step(data)
    return sample.pred_score


@torch.no_grad()
def test_equal_to_sliding_crops_where_the_net_has_no_padding():
    # Two convolutions 3×3 with stride 2: a crop of 15 has maps of 7 and 3 positions a side. The
    # image of 23×27 has maps of 11×13 and 5×6, so 3×4 windows of 3×3, each the map of the crop
    # that begins at a multiple of 4 pixels: the last ones end at 2 * 4 + 15 = 23, 3 * 4 + 15 = 27.
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU())
    head = LinearClsHead(C, 16, init_cfg=None)
    head.fc.weight.mul_(30)  # so that the scores of the crops differ
    plain = MODELS.build(config(backbone=backbone, neck=GlobalAveragePooling(), head=head))
    image = image_of(23, 27)
    crops = [image[:, y : y + 15, x : x + 15] for y in (0, 4, 8) for x in (0, 4, 8, 12)]
    logits = head.fc(backbone(torch.stack(crops)).mean((2, 3)))
    wanted = logits.mean(0).softmax(0)
    assert (wanted - logits.softmax(1).mean(0)).abs().max() > 0.01  # the order matters
    torch.testing.assert_close(score_of(DenseTTA(plain, 15), image), wanted)


STOCK = {
    "backbone": {"type": "ResNet_CIFAR", "depth": 18, "stem_channels": 8, "base_channels": 8},
    "neck": {"type": "GlobalAveragePooling"},
    "head": {"type": "LinearClsHead", "num_classes": C, "in_channels": 64},
}


@torch.no_grad()
@pytest.mark.parametrize("changed", [{}, STOCK], ids=["ours", "mmpretrain's"])
def test_an_image_of_the_crops_size_is_classified_as_ever(changed):
    plain = MODELS.build(config(**changed))
    plain.eval()
    image = image_of(32, 32)
    wanted = plain.predict(image[None])[0].pred_score
    torch.testing.assert_close(score_of(DenseTTA(plain, 32), image), wanted)


@torch.no_grad()
def test_equal_to_the_linear_layer_as_a_convolution():
    model = DenseTTA(config(), 32)
    views = image_of(37, 55), image_of(46, 69), image_of(46, 69).flip(2)
    wanted = []
    model.eval()
    for view in views:
        feature = model.module.backbone(view[None])[-1]  # at stride 4: 10×14 and 12×18
        windows = F.avg_pool2d(feature, 8, stride=1)  # a crop of 32 has a map of 8×8
        weight, bias = model.module.head.fc.weight, model.module.head.fc.bias
        class_map = F.conv2d(windows, weight[:, :, None, None], bias)
        assert class_map.shape[2:] == {37: (3, 7), 46: (5, 11)}[view.shape[1]]
        wanted.append(class_map.mean((2, 3)).softmax(1)[0])
    torch.testing.assert_close(score_of(model, *views), sum(wanted) / 3)


@torch.no_grad()
def test_windows_by_hand():
    # windows of 2×2 in a map of 2×3: the means of 0 1 3 4 and of 1 2 4 5, which are 2 and 3
    feat = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert WindowAveragePooling((2, 2))(feat).tolist() == [[2.5]]
    assert WindowAveragePooling((9, 9))((feat, feat + 1))[1].tolist() == [[3.5]]  # smaller map


def test_the_statistics_of_batch_norm_are_left_alone():
    plain = MODELS.build(config())
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    model = DenseTTA(plain, 32)
    assert plain.backbone.training
    after = model.module.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"neck": None}, "NoneType and LinearClsHead"),
        ({"neck": {"type": "GeneralizedMeanPooling"}}, "GeneralizedMeanPooling and LinearClsHead"),
        ({"neck": {"type": "GlobalAveragePooling", "dim": 1}}, "GlobalAveragePooling and"),
        (
            {
                "head": {
                    "type": "StackedLinearClsHead",
                    "num_classes": C,
                    "in_channels": 64,
                    "mid_channels": [8],
                }
            },
            "GlobalAveragePooling and StackedLinearClsHead: use ten crops",
        ),
    ],
)
def test_a_net_that_is_not_convolutional_is_refused(changed, said):
    built = {"type": "mmresnet.DenseTTA", "crop_size": 32, "module": config(**changed)}
    with pytest.raises(UserTypeError, match=said):
        ENGINE_MODELS.build(built)


def test_a_crop_is_a_number_of_pixels():
    with pytest.raises(UserTypeError, match="crop_size='32' must be an integer"):
        DenseTTA(config(), "32")
