"""Recipes by name."""

import subprocess
import sys

import pytest
import torch
from mmengine.registry import DefaultScope

from mmresnet import apis
from mmresnet.errors import UserError


def test_every_public_name_is_imported_when_it_is_used():
    assert [getattr(apis, name).__name__ for name in apis.__all__] == apis.__all__
    assert {*apis.__all__} <= {*dir(apis)}


def test_list_models():
    names = apis.list_models()
    assert names == sorted(names)
    assert apis.list_models("resnet50_8xb32*") == [
        "resnet50_8xb32-amp_in1k",
        "resnet50_8xb32-cutmix_in1k",
        "resnet50_8xb32-lbs_in1k",
        "resnet50_8xb32-mixup_in1k",
        "resnet50_8xb32_in1k",
    ]
    assert "default_runtime" not in names
    assert apis.list_models("nothing*") == []


def test_get_config():
    assert apis.get_config("resnetv1d152_8xb32_in1k").model.backbone.depth == 152


@pytest.mark.parametrize("get", [apis.get_config, apis.get_model])
def test_unknown_name_gives_the_nearest(get):
    with pytest.raises(UserError, match="'resnet18_8xb32_in1k'"):
        get("resnet18_8xb32_in1")


def default_scope() -> str | None:
    """mmengine's current scope; by name, since mmengine may replace it by a copy."""
    scope = DefaultScope.get_current_instance()
    return scope and scope.scope_name


def test_get_model_predicts():
    before = default_scope()
    model = apis.get_model("resnet20_1xb128_cifar10", num_classes=7).eval()
    assert default_scope() == before
    mean = model.data_preprocessor.mean.flatten().tolist()
    assert mean == pytest.approx([125.307, 122.961, 113.8575])
    assert model.data_preprocessor.num_classes == 7
    with torch.no_grad():
        scores = model.head(model.extract_feat(torch.rand(2, 3, 32, 32)))
    assert scores.shape == (2, 7)


def test_get_model_draws_weights_as_training_does(capfd):
    torch.manual_seed(0)
    model = apis.get_model("resnet20_1xb128_cifar10")
    assert "layer1.0.conv1" not in "".join(capfd.readouterr())  # no list of every parameter
    assert model.head.fc.bias.abs().max() == 0  # mmpretrain's head: normal weights, zero biases
    assert 0.005 < model.head.fc.weight.std() < 0.02


def test_detection_recipes_are_listed():
    names = apis.list_models("*rcnn*_coco")
    assert len(names) == 19
    assert {"faster-rcnn_r50_fpn_1x_coco", "mask-rcnn_r50_fpn_1x_coco"} <= set(names)
    assert apis.get_config("faster-rcnn_r18_fpn_2x_coco").default_scope == "mmdet"


def test_get_model_detects(monkeypatch):
    """It fetches no weights, and returns boxes of the classes that it was built for."""
    pytest.importorskip("mmdet")

    def refuse(url, *args, **kwargs):
        raise AssertionError(f"{url} was fetched")

    monkeypatch.setattr("mmengine.runner.checkpoint.load_url", refuse)
    before = default_scope()
    model = apis.get_model("faster-rcnn_r18_fpn_1x_coco", num_classes=7).eval()
    assert default_scope() == before
    assert model.roi_head.bbox_head.num_classes == 7
    model.roi_head.test_cfg.update(score_thr=0.0, max_per_img=5)  # weights are random
    model.rpn_head.test_cfg.max_per_img = 20

    from mmdet.structures import DetDataSample

    image = torch.zeros(3, 64, 96, dtype=torch.uint8)
    shape = dict(img_shape=(64, 96), ori_shape=(64, 96), scale_factor=(1.0, 1.0))
    sample = DetDataSample(metainfo=shape)
    with torch.no_grad():
        (found,) = model.test_step(dict(inputs=[image], data_samples=[sample]))
    assert found.pred_instances.bboxes.shape == (5, 4)
    assert found.pred_instances.labels.max() < 7


def test_a_detectors_backbone_is_drawn_as_without_weights():
    pytest.importorskip("mmdet")
    model = apis.get_model("faster-rcnn_r50-caffe_c4_1x_coco")
    for net in (model.backbone, model.roi_head.shared_head):
        kernel = net.state_dict()[next(k for k in net.state_dict() if k.endswith("conv2.weight"))]
        he = (2 / kernel[:, 0].numel()) ** 0.5  # He et al. 2015: by the fan out
        assert kernel.std() == pytest.approx(he, rel=0.1)


@pytest.mark.parametrize("classes", [0, -1, 2.5, True, "5"])
def test_num_classes_must_be_positive(classes):
    with pytest.raises(UserError, match="must be a positive integer"):
        apis.get_model("resnet18_8xb32_in1k", num_classes=classes)


def test_importing_apis_is_light():
    code = (
        "import sys, mmresnet.apis; names = mmresnet.apis.list_models(); assert len(names) > 30;"
        "heavy = {'torch', 'mmengine', 'mmcv', 'mmpretrain', 'mmdet'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="get_modle"):
        _ = apis.get_modle
    assert {"get_config", "get_model", "list_models"} <= set(dir(apis))


def test_get_model_takes_weights_of_any_layout(tmp_path):
    import torchvision

    peer = torchvision.models.resnet18(num_classes=10)
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    path = str(tmp_path / "weights.pth")
    model = apis.get_model("resnet18_8xb32_in1k", num_classes=10, weights=path)
    assert torch.equal(model.head.fc.weight, peer.fc.weight)
    assert model.weights_report.complete
    with pytest.raises(UserError, match="holds ResNet-18, and the model has ResNet-34"):
        apis.get_model("resnet34_8xb32_in1k", weights=path)
