"""Small detectors with random weights, images for them, and parts of detectors in plain torch."""

import copy

import torch
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData
from torch.nn import functional as F
from torchvision.ops import box_iou, nms, roi_align

CLASSES = 3
STDS = torch.tensor([0.1, 0.1, 0.2, 0.2])
SIZES = ((64, 96), (60, 80))  # (height, width) of the images of a batch

RCNN = dict(score_thr=0.05, nms=dict(type="nms", iou_threshold=0.5), max_per_img=20)
PROPOSALS = dict(
    nms_pre=40, max_per_img=12, nms=dict(type="nms", iou_threshold=0.7), min_bbox_size=0
)
_ASSIGNER = dict(
    type="MaxIoUAssigner", pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.3, ignore_iof_thr=-1
)


def _sampler(proposals):
    return dict(
        type="RandomSampler",
        num=16,
        pos_fraction=0.5,
        neg_pos_ub=-1,
        add_gt_as_proposals=proposals,
    )


def _training(proposals):
    return dict(
        assigner=_ASSIGNER,
        sampler=_sampler(proposals),
        allowed_border=-1,
        pos_weight=-1,
        debug=False,
    )


def fpn(**head):
    """Return the config of a detector with four levels of 8 channels."""
    levels = (4, 8, 16, 32)
    return _detector(
        dict(depth=18, out_indices=(0, 1, 2, 3), base_channels=8, stem_channels=8),
        dict(type="FPN", in_channels=[8, 16, 32, 64], out_channels=8, num_outs=4),
        8,
        levels,
        dict(output_size=7, finest_scale=16),
        dict(type="Shared2FCBBoxHead", in_channels=8, fc_out_channels=16, roi_feat_size=7, **head),
    )


def c4(**head):
    """Return the config of a detector on stride 16, whose RoI head is the last stage."""
    shared = dict(type="ResLayer", depth=18, stage=3, stride=2, norm_eval=True)
    return _detector(
        dict(depth=18, num_stages=3, out_indices=(2,)),
        None,
        256,
        (16,),
        dict(output_size=4, finest_scale=16),
        dict(type="BBoxHead", in_channels=512, roi_feat_size=2, with_avg_pool=True, **head),
        shared,
    )


def _detector(backbone, neck, channels, strides, extractor, box_head, shared=None):
    roi_layer = dict(type="RoIAlign", output_size=extractor["output_size"], sampling_ratio=2)
    roi_head = dict(
        type="mmresnet.RoIHead",
        bbox_roi_extractor=dict(
            type="SingleRoIExtractor",
            roi_layer=roi_layer,
            out_channels=channels,
            featmap_strides=list(strides),
            finest_scale=extractor["finest_scale"],
        ),
        bbox_head=dict(
            num_classes=CLASSES,
            bbox_coder=dict(type="DeltaXYWHBBoxCoder", target_stds=STDS.tolist()),
            **box_head,
        ),
    )
    if shared:
        roi_head["shared_head"] = shared
    model = dict(
        type="mmresnet.FasterRCNN",
        data_preprocessor=dict(
            type="DetDataPreprocessor",
            mean=[100.0, 110.0, 120.0],
            std=[50.0, 60.0, 70.0],
            bgr_to_rgb=True,
            pad_size_divisor=16,
        ),
        backbone=dict(type="mmresnet.ResNet", **backbone),
        rpn_head=dict(
            type="RPNHead",
            in_channels=channels,
            feat_channels=channels,
            anchor_generator=dict(
                type="AnchorGenerator", scales=[2], ratios=[0.5, 1.0], strides=list(strides)
            ),
            bbox_coder=dict(type="DeltaXYWHBBoxCoder"),
            loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=True),
            loss_bbox=dict(type="L1Loss"),
        ),
        roi_head=roi_head,
        train_cfg=dict(rpn=_training(False), rpn_proposal=PROPOSALS, rcnn=_training(True)),
        test_cfg=dict(rpn=PROPOSALS, rcnn=RCNN),
    )
    if neck:
        model["neck"] = neck
    return ConfigDict(copy.deepcopy(model))


def build(model, seed=0):
    """Return a detector in eval mode whose scores and boxes differ from class to class."""
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope("mmdet"):
        detector = MODELS.build(copy.deepcopy(model))
    for name, tensor in detector.named_parameters():
        if "fc_cls.weight" in name or "fc_reg.weight" in name:
            torch.nn.init.normal_(tensor, std=1 / tensor.shape[1] ** 0.5)
    detector.eval()
    return detector


def images(seed=0):
    """Return a batch of pictures, as the test pipeline gives it, with two boxes in each."""
    generator = torch.Generator().manual_seed(seed)
    inputs, samples = [], []
    for height, width in SIZES:
        coarse = torch.rand(1, 3, 5, 6, generator=generator) * 255
        inputs.append(
            F.interpolate(coarse, (height, width), mode="bicubic")[0].clamp(0, 255).byte()
        )
        shapes = {"ori_shape": (2 * height, 3 * width), "img_shape": (height, width)}
        sample = DetDataSample(metainfo={**shapes, "scale_factor": (1 / 3, 1 / 2)})
        boxes = torch.tensor([[8.0, 8.0, 40.0, 44.0], [30.0, 10.0, 76.0, 56.0]])
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([0, 2]))
        sample.ignored_instances = InstanceData(bboxes=boxes[:0], labels=torch.tensor([]).long())
        samples.append(sample)
    return {"inputs": inputs, "data_samples": samples}


def predict(detector):
    """Return the detections of :func:`images`, as dicts, in original pixels."""
    with torch.no_grad():
        return [dict(one.pred_instances.items()) for one in detector.test_step(images())]


def prepared(detector):
    """Return normalized inputs, samples, and feature maps of :func:`images`."""
    data = detector.data_preprocessor(images(), training=False)
    with torch.no_grad():
        return data["inputs"], data["data_samples"], detector.extract_feat(data["inputs"])


def proposals_of(detector, maps, samples):
    """Return the RPN's boxes of each image."""
    with torch.no_grad():
        return [one.bboxes for one in detector.rpn_head.predict(maps, samples, rescale=False)]


def features_of(detector, maps, boxes, image=0):
    """Return what the sibling layers of a detector read of boxes (R, 4), by torchvision."""
    strides = detector.roi_head.bbox_roi_extractor.featmap_strides
    size = detector.roi_head.bbox_roi_extractor.roi_layers[0].output_size
    head = detector.roi_head.bbox_head
    rows = []
    for box in boxes:
        side = float((box[2] - box[0]) * (box[3] - box[1])) ** 0.5
        # finest_scale is 16: level 1 from 2 * 16 pixels on, level 2 from 4 * 16, 3 from 8 * 16
        level = min(sum(side >= 16 * 2**n for n in (1, 2, 3)), len(strides) - 1)
        roi = torch.cat((torch.tensor([float(image)]), box))[None]
        pooled = roi_align(maps[level], roi, size, 1 / strides[level], 2, aligned=True)
        if detector.roi_head.with_shared_head:
            rows.append(detector.roi_head.shared_head(pooled).mean((2, 3)))
        else:
            hidden = pooled.flatten(1)
            for layer in head.shared_fcs:
                hidden = F.linear(hidden, layer.weight, layer.bias).clamp(min=0)
            rows.append(hidden)
    return torch.cat(rows)


def decode(boxes, deltas, size):
    """Return boxes (R, C, 4) moved by (R, 4 C), after Girshick et al. 2014, within an image."""
    deltas = deltas.unflatten(1, (-1, 4)) * STDS
    wide = (boxes[:, 2] - boxes[:, 0])[:, None]
    high = (boxes[:, 3] - boxes[:, 1])[:, None]
    x = (boxes[:, 0] + boxes[:, 2])[:, None] / 2 + deltas[..., 0] * wide
    y = (boxes[:, 1] + boxes[:, 3])[:, None] / 2 + deltas[..., 1] * high
    wide, high = wide * deltas[..., 2].exp(), high * deltas[..., 3].exp()
    corners = torch.stack((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), -1)
    height, width = size
    return corners.clamp(min=0).minimum(torch.tensor([width, height, width, height]))


def suppress(boxes, scores, settings, scale):
    """Return rows (class, score, x1, y1, x2, y2) that survive, best first, by torchvision.

    Boxes are (R, C, 4) and scores (R, C + 1); ``scale`` is (x, y), from input to original pixels.
    """
    boxes = boxes / torch.tensor([*scale, *scale])
    rows = []
    for label in range(CLASSES):
        column = boxes[:, label if boxes.shape[1] > 1 else 0]
        above = scores[:, label] > settings["score_thr"]
        own, weights = column[above], scores[above, label]
        for index in nms(own, weights, settings["nms"]["iou_threshold"]):
            box = own[index]
            if settings.get("box_voting"):
                near = box_iou(box[None], own)[0] >= settings["box_voting"]["iou_threshold"]
                box = sum(w * b for w, b in zip(weights[near], own[near], strict=True))
                box = box / weights[near].sum()
            rows.append([label, float(weights[index]), *box.tolist()])
    rows.sort(key=lambda row: -row[1])
    return torch.tensor(rows[: settings["max_per_img"]]).reshape(-1, 6)


def assert_detections(found, rows):
    """Check detections against rows of :func:`suppress`; there are some."""
    assert len(rows) >= 3
    both = torch.cat((found["labels"][:, None], found["scores"][:, None], found["bboxes"]), 1)
    torch.testing.assert_close(both, rows, rtol=1e-4, atol=1e-3)
