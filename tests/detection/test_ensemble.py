"""Ensembles of detectors: their outputs in plain torch, their files, and runs of these."""

import copy

import pytest
import torch

from mmresnet import ops

ops.install()
pytest.importorskip("mmdet.models")

import cv2  # noqa: E402
import tiny_detectors as tiny  # noqa: E402  it needs mmdet
from mmengine.config import Config, ConfigDict  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from mmresnet.apis import Inferencer  # noqa: E402
from mmresnet.apis import test as run_test  # noqa: E402
from mmresnet.cli.main import main  # noqa: E402
from mmresnet.config.load import load_config  # noqa: E402
from mmresnet.detection.combine import combine_detectors  # noqa: E402
from mmresnet.errors import UserError  # noqa: E402

VOTED = {
    "score_thr": 0.2,
    "nms": {"type": "nms", "iou_threshold": 0.3},
    "max_per_img": 20,
    "box_refinement": True,
    "box_voting": {"iou_threshold": 0.5},
}
SCALES = {"short_sides": (48, 96), "roi_size": 40}
CLASSES = ("cat", "dog", "owl")


def members():
    """Return two detectors: other preprocessing, another head, and boxes for all classes."""
    first, second = tiny.fpn(), tiny.fpn(reg_class_agnostic=True)
    second.data_preprocessor.update(mean=[90.0] * 3, std=[40.0] * 3, bgr_to_rgb=False)
    second.type, second.roi_head.type = "FasterRCNN", "StandardRoIHead"
    return [first, second]


def ensemble_of(models, **settings):
    cfg = {"rcnn": {**VOTED, **settings}}
    return ConfigDict(type="mmresnet.DetectorEnsemble", members=models, test_cfg=cfg)


def test_proposals_are_put_together_and_outputs_averaged():
    detector = tiny.build(ensemble_of(members()))
    both = list(detector.members)
    prepared = [tiny.prepared(one) for one in both]
    assert not torch.equal(prepared[0][0], prepared[1][0])
    found = tiny.predict(detector)
    for index, size in enumerate(tiny.SIZES):
        with torch.no_grad():

            def outputs(boxes, index=index, size=size):
                results = []
                for one, (_, _, maps) in zip(both, prepared, strict=True):
                    rows = tiny.features_of(one, maps, boxes, index)
                    head = one.roi_head.bbox_head
                    scores = F.linear(rows, head.fc_cls.weight, head.fc_cls.bias).softmax(1)
                    deltas = F.linear(rows, head.fc_reg.weight, head.fc_reg.bias)
                    moved = tiny.decode(boxes, deltas, size).expand(-1, tiny.CLASSES, 4)
                    results.append((moved, scores))
                (a, s), (b, t) = results
                return (a + b) / 2, (s + t) / 2

            proposed = [
                tiny.proposals_of(one, maps, samples)[index]
                for one, (_, samples, maps) in zip(both, prepared, strict=True)
            ]
            boxes, scores = outputs(torch.cat(proposed))
            best = scores[:, :-1].argmax(1)
            again, new_scores = outputs(boxes[range(len(boxes)), best])
        boxes, scores = torch.cat((boxes, again)), torch.cat((scores, new_scores))
        rows = tiny.suppress(boxes, scores, VOTED, (1 / 3, 1 / 2))
        tiny.assert_detections(found[index], rows)


def test_an_ensemble_of_one_detector_twice_is_that_detector():
    model = tiny.fpn()
    model.test_cfg.rpn.max_per_img = 1000
    model.test_cfg.rcnn.multi_scale = SCALES
    single = tiny.build(model)
    twice = tiny.build(ensemble_of([model, model], **tiny.RCNN, box_voting=None))
    twice.test_cfg["rcnn"]["box_refinement"] = False
    for one in twice.members:
        one.load_state_dict(single.state_dict())
    for mine, other in zip(tiny.predict(twice), tiny.predict(single), strict=True):
        assert len(other["scores"]) >= 3
        torch.testing.assert_close(mine, other)


def test_members_that_do_not_go_together_are_refused():
    four = tiny.fpn(reg_class_agnostic=True)
    four.roi_head.bbox_head.num_classes = 4
    with pytest.raises(UserError, match=r"members\.1 has 4 classes and model\.members\.0 3"):
        tiny.build(ensemble_of([tiny.fpn(), four]))
    with pytest.raises(UserError, match=r"members\.0 is a ResNet: an ensemble is of Faster R-CNNs"):
        tiny.build(ensemble_of([{"type": "mmresnet.ResNet", "depth": 18}]))
    with pytest.raises(UserError, match="multi_scale belongs to a member"):
        tiny.build(ensemble_of(members(), multi_scale=SCALES))
    masked = tiny.fpn()
    extractor = copy.deepcopy(masked.roi_head.bbox_roi_extractor)
    masked.roi_head.update(
        mask_roi_extractor=extractor,
        mask_head=dict(type="FCNMaskHead", in_channels=8, num_classes=3, num_convs=1),
    )
    with pytest.raises(UserError, match=r"members\.1 has a mask head"):
        tiny.build(ensemble_of([tiny.fpn(), masked]))
    detector = tiny.build(ensemble_of(members()))
    for one in detector.members:
        one.rpn_head.test_cfg.min_bbox_size = 1000  # no proposals
    assert [len(found["scores"]) for found in tiny.predict(detector)] == [0, 0]
    with pytest.raises(UserError, match="train its members one by one"):
        detector(**tiny.images(), mode="loss")


# --- files ----------------------------------------------------------------------------------


def write_member(folder, name, model, seed, scenes, classes=CLASSES, scale=(96, 64)):
    """Write config and checkpoint of a detector, and return their paths."""
    options = {"data_root": f"{scenes}/", "scale": scale, "num_classes": len(classes)}
    cfg = load_config("digits_faster-rcnn_resnet20_fpn", options)
    cfg.model = model
    config, checkpoint = folder / f"{name}.py", folder / f"{name}.pth"
    cfg.dump(str(config))
    meta = {"dataset_meta": {"classes": classes}}
    torch.save({"meta": meta, "state_dict": tiny.build(model, seed).state_dict()}, checkpoint)
    return str(config), str(checkpoint)


def test_an_ensemble_is_tested_and_run_as_any_detector(scenes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    first, second = members()
    first.test_cfg.rcnn.update(VOTED, score_thr=0.0, multi_scale=SCALES)
    given = [
        write_member(tmp_path, "a", first, 1, scenes),
        write_member(tmp_path, "b", second, 2, scenes, scale=(48, 32)),
    ]
    assert main(["ensemble-detectors", "--out", "both", *given[0], *given[1]]) == 0
    config, checkpoint = "both/both.py", "both/both.pth"
    said = capsys.readouterr().out
    assert f"'{given[1][0]}' has another test pipeline" in said
    assert said.endswith(f"mmresnet test {config} {checkpoint}\n")
    cfg = Config.fromfile(config)
    assert "train_dataloader" not in cfg
    assert cfg.model.test_cfg.rcnn.box_voting.iou_threshold == 0.5
    assert "multi_scale" not in cfg.model.test_cfg.rcnn
    assert cfg.model.members[0].test_cfg.rcnn.multi_scale == SCALES
    metrics = run_test(config, checkpoint, device="cpu")
    assert 0 <= metrics["coco/bbox_mAP"] <= 1

    picture = str(scenes / "val" / "0.png")
    inferencer = Inferencer(config, checkpoint, device="cpu", precision="float32")
    (result,) = inferencer(picture, score_thr=0.0)
    assert inferencer.classes == list(CLASSES)
    detector = tiny.build(cfg.model)
    detector.load_state_dict(torch.load(checkpoint)["state_dict"])
    data = {"inputs": [torch.from_numpy(cv2.imread(picture)).permute(2, 0, 1)]}
    sample = tiny.DetDataSample(
        metainfo={"img_shape": (64, 96), "ori_shape": (64, 96), "scale_factor": (1.0, 1.0)}
    )
    with torch.no_grad():
        (expected,) = detector.test_step({**data, "data_samples": [sample]})
    assert len(result["objects"]) == len(expected.pred_instances.scores) >= 3
    scores = [one["score"] for one in result["objects"]]
    torch.testing.assert_close(
        torch.tensor(scores), expected.pred_instances.scores, rtol=1e-3, atol=1e-3
    )


def test_files_that_do_not_go_together_are_refused(scenes, tmp_path):
    given = write_member(tmp_path, "a", tiny.fpn(), 1, scenes)
    other = write_member(tmp_path, "b", tiny.fpn(), 2, scenes, classes=("dog", "cat", "owl"))
    with pytest.raises(UserError, match=r"trained on 3 classes \('dog', 'cat', 'owl'\) and"):
        combine_detectors([given, other], tmp_path / "both")
    assert not (tmp_path / "both").exists()
    with pytest.raises(UserError, match="two or more members, not 1"):
        combine_detectors([given], tmp_path / "both")
    with pytest.raises(UserError, match="exists: name a new folder"):
        combine_detectors([given, other], tmp_path)
    with pytest.raises(UserError, match=r"There is no checkpoint at 'none\.pth'"):
        combine_detectors([given, (given[0], "none.pth")], tmp_path / "both")
