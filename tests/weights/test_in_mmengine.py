"""Where weights enter in mmengine: initialization, ``load_from``, tests, averaged models."""

import hashlib
import logging
import pickle

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import checkpoint
from nets import (
    as_detectron2,
    build,
    classifier,
    difference,
    image,
    ours,
    timm_net,
    torchvision_net,
)
from other_libraries import randomise
from server import Answer

import mmresnet.ops
from mmresnet import compat
from mmresnet.errors import UserError
from mmresnet.weights import WeightsError
from mmresnet.weights import in_mmengine as entry


@pytest.fixture
def saved(tmp_path):
    def save(content, name="weights.pth"):
        torch.save(content, tmp_path / name)
        return str(tmp_path / name)

    return save


def test_a_backbone_is_initialized_from_any_layout(saved):
    peer = timm_net("resnet18d")
    init_cfg = dict(type="Pretrained", checkpoint=saved(peer.state_dict()))
    net = ours("ResNetV1d", 18, init_cfg=init_cfg)
    net.init_weights()
    assert torch.equal(net.stem[1].conv.weight, peer.conv1[3].weight)
    assert net.weights_report.layout == "timm"
    assert net.weights_report.source == init_cfg["checkpoint"]


def test_a_prefix_is_a_hint(saved):
    given = randomise(ours())
    wrapped = {f"backbone.{name}": tensor for name, tensor in given.state_dict().items()}
    for content in (wrapped, given.state_dict()):
        path = saved(content)
        net = ours(init_cfg=dict(type="Pretrained", checkpoint=path, prefix="backbone."))
        net.init_weights()
        assert net.weights_report.complete
        assert torch.equal(net.conv1.weight, given.conv1.weight)


def test_a_part_is_refused_unless_it_is_asked_for(saved):
    path = saved(torchvision_net("resnet18").state_dict())
    with pytest.raises(WeightsError, match="holds ResNet-18, and the model has ResNet-34"):
        ours(depth=34, init_cfg=dict(type="Pretrained", checkpoint=path)).init_weights()
    net = ours(depth=34, init_cfg=dict(type="Pretrained", checkpoint=path, allow_partial=True))
    net.init_weights()
    assert net.weights_report.loaded == 100


def test_a_detector_of_mmdet_starts_from_any_layout(saved):
    mmresnet.ops.install()
    import mmdet.models  # noqa: F401

    peer = randomise(ours(depth=50, style="caffe"))
    path = saved({"model": as_detectron2(peer)})
    backbone = dict(
        type="mmresnet.ResNet",
        depth=50,
        style="caffe",
        out_indices=(0, 1, 2, 3),
        frozen_stages=1,
        init_cfg=dict(type="Pretrained", checkpoint=path),
    )
    neck = dict(type="FPN", in_channels=[256, 512, 1024, 2048], out_channels=8, num_outs=5)
    head = dict(type="RetinaHead", num_classes=3, in_channels=8, feat_channels=8)
    model = dict(type="RetinaNet", backbone=backbone, neck=neck, bbox_head=head)
    detector = build(model, "mmdet")
    detector.init_weights()
    assert torch.equal(detector.backbone.layer4[2].bn3.weight, peer.layer4[2].bn3.weight)


def test_a_checkpoint_of_another_layout_fills_a_classifier(saved, caplog):
    model, peer = classifier(classes=10), torchvision_net("resnet18", num_classes=10)
    path = saved({"state_dict": {f"module.{k}": v for k, v in peer.state_dict().items()}})
    with caplog.at_level(logging.INFO):
        checkpoint.load_checkpoint(model, path, logger=logging.getLogger("weights"))
    assert torch.equal(model.head.fc.weight, peer.fc.weight)
    assert f"Weights of {path}: ResNet-18, torchvision layout" in caplog.text
    assert "backbone: 100 of 100 tensors loaded" in caplog.text


def test_what_mmengine_would_only_warn_of_is_an_error(saved):
    path = saved(torchvision_net("resnet34").state_dict())
    with pytest.raises(WeightsError, match=f"'{path}' would fill 100 of the 100 tensors"):
        checkpoint.load_checkpoint(classifier(), path)


def test_strict_forbids_any_difference(saved):
    path = saved(torchvision_net("resnet18", num_classes=7).state_dict())
    checkpoint.load_checkpoint(classifier(classes=7), path, strict=True)
    with pytest.raises(RuntimeError, match=r"size mismatch for head\.fc\.weight"):
        checkpoint.load_checkpoint(classifier(classes=10), path, strict=True)


def test_other_models_load_as_ever(saved):
    class Other(BaseModel):
        def __init__(self):
            super().__init__(init_cfg=dict(type="Pretrained", checkpoint=path))
            self.layer = torch.nn.Linear(2, 2)

        def forward(self, inputs):
            return inputs

    path = saved({"layer.weight": torch.ones(2, 2)})
    model = Other()
    model.init_weights()
    assert torch.equal(model.layer.weight, torch.ones(2, 2))
    checkpoint.load_checkpoint(model, path)  # the missing bias is mmengine's business


def test_installing_again_changes_nothing():
    before = checkpoint.load_state_dict, checkpoint.CheckpointLoader.load_checkpoint
    compat.apply(compat.WEIGHTS, replacements=("elsewhere",))
    assert before == (checkpoint.load_state_dict, checkpoint.CheckpointLoader.load_checkpoint)


def test_a_missing_file_is_named(tmp_path):
    path = str(tmp_path / "none.pth")
    with pytest.raises(FileNotFoundError, match=r"no file of weights '.*none.pth'"):
        checkpoint.CheckpointLoader.load_checkpoint(path)


def test_weights_are_fetched_when_a_net_is_initialized(server, cache, tmp_path):
    peer = randomise(ours())
    torch.save({"state_dict": peer.state_dict()}, tmp_path / "file")
    body = (tmp_path / "file").read_bytes()
    name = f"resnet18-{hashlib.sha256(body).hexdigest()[:8]}.pth"
    server.answers[f"/{name}"] = [Answer(body, cut=len(body) // 2), Answer(body)]
    net = ours(init_cfg=dict(type="Pretrained", checkpoint=f"{server.url}/{name}"))
    net.init_weights()
    assert torch.equal(net.layer4[1].conv2.weight, peer.layer4[1].conv2.weight)
    first, second = server.ranges(f"/{name}")
    assert first is None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= len(body) // 2  # resumed
    assert (cache / name).read_bytes() == body
    server.answers[f"/{name[:-4]}.pkl"] = [Answer(b"<html><title>Moved</title></html>")]
    with pytest.raises(UserError, match=r"Moved"):
        checkpoint.load_checkpoint(net, f"{server.url}/{name[:-4]}.pkl")


def test_names_that_mmengine_alone_knows_are_left_to_it():
    asked = []
    upstream = lambda *arguments: asked.append(arguments[0])  # noqa: E731
    entry.read_checkpoint(upstream, "torchvision://densenet121")
    assert asked == ["torchvision://densenet121"]


def test_a_pickle_of_detectron2_fills_a_caffe_net(tmp_path):
    peer = randomise(ours(depth=50, style="caffe"))
    arrays = {name: t.detach().numpy() for name, t in as_detectron2(peer, affine=True).items()}
    path = tmp_path / "R-50.pkl"
    path.write_bytes(pickle.dumps({"blobs": {**arrays, "lr": np.float32(0.1)}}, protocol=2))
    net = ours(depth=50, style="caffe", init_cfg=dict(type="Pretrained", checkpoint=str(path)))
    net.init_weights()
    report = net.weights_report
    assert (report.layout, report.style) == ("caffe2", "caffe")
    assert (report.loaded, report.total, report.statistics) == (265, 265, 106)
    with torch.no_grad():
        assert difference(net.eval()(image())[0], peer.eval()(image())[0]) < 1e-5
