"""Scores are averaged over views, and images of different shapes are computed apart."""

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from mmresnet.errors import UserTypeError
from mmresnet.models.classifiers import AverageScoresTTA

pytestmark = pytest.mark.usefixtures("mmpretrain_scope")
C = 6
STATISTICS = {"mean": [120.0] * 3, "std": [60.0] * 3}


def classifier(head="mmresnet.LinearClsHead", **more):
    torch.manual_seed(0)
    return {
        "type": "ImageClassifier",
        "backbone": {"type": "mmresnet.CifarResNet", "depth": 8},
        "neck": {"type": "mmresnet.GlobalAveragePooling"},
        "head": {"type": head, "num_classes": C, "in_channels": 64, **more},
    }


def views_of(*shapes):
    """Return two views of an image of each shape, as TestTimeAug and pseudo_collate do."""
    generator = torch.Generator().manual_seed(0)
    images = [
        [torch.randint(0, 256, (3, *shape), dtype=torch.uint8, generator=generator) for _ in "ab"]
        for shape in shapes
    ]
    samples = [[DataSample().set_gt_label(0) for _ in shapes] for _ in "ab"]
    return images, {
        "inputs": [list(view) for view in zip(*images, strict=True)],
        "data_samples": samples,
    }


def plain_scores(model, image, activation):
    """Return the scores of one image, by the parts of the classifier."""
    pixels = (image[None].float() - 120) / 60
    return activation(model.head.fc(model.backbone(pixels)[-1].mean((2, 3))))[0]


@torch.no_grad()
@pytest.mark.parametrize("stock", [False, True])
def test_the_mean_of_the_softmax_of_all_views(stock):
    config = classifier("LinearClsHead" if stock else "mmresnet.LinearClsHead")
    model = AverageScoresTTA(config, {"type": "ClsDataPreprocessor", **STATISTICS}).eval()
    images, data = views_of((32, 32), (40, 32), (32, 32))
    samples = model.test_step(data)
    assert len(samples) == 3
    for views, sample in zip(images, samples, strict=True):
        wanted = sum(plain_scores(model.module, one, lambda x: x.softmax(1)) for one in views) / 2
        torch.testing.assert_close(sample.pred_score, wanted)
        assert sample.pred_label.tolist() == [int(wanted.argmax())]
        assert sample.gt_label.tolist() == [0]


@torch.no_grad()
@pytest.mark.parametrize("stock", [False, True])
def test_a_multi_label_head_keeps_its_rule(stock):
    name = "MultiLabelLinearClsHead" if stock else "mmresnet.MultiLabelLinearClsHead"
    images, data = views_of((32, 32))
    for rule in ({"thr": 0.5}, {"topk": 2}):
        config = {**classifier(name, **rule), "data_preprocessor": STATISTICS}
        model = AverageScoresTTA(MODELS.build(config)).eval()
        (sample,) = model.test_step(data)
        wanted = sum(plain_scores(model.module, one, torch.sigmoid) for one in images[0]) / 2
        torch.testing.assert_close(sample.pred_score, wanted)
        if "thr" in rule:
            assert sample.pred_label.tolist() == [i for i in range(C) if wanted[i] >= 0.5]
        else:
            assert sample.pred_label.tolist() == wanted.argsort(descending=True)[:2].tolist()


def test_the_classifiers_own_preprocessor_comes_first():
    config = {**classifier(), "data_preprocessor": {"mean": [1.0] * 3, "std": [2.0] * 3}}
    model = AverageScoresTTA(config, STATISTICS)
    assert model.module.data_preprocessor.mean.flatten().tolist() == [1, 1, 1]


def test_a_model_without_class_scores_is_refused():
    with pytest.raises(UserTypeError, match="ImageClassifier has no head for classes"):
        AverageScoresTTA({**classifier(), "head": None})
    model = AverageScoresTTA(classifier())
    with pytest.raises(UserTypeError, match="LinearClsHead predicts no 'pred_score'"):
        model.merge_preds([[DataSample(), DataSample()]])
