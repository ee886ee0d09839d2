"""Faster R-CNN on scenes of handwritten digits: a detector in minutes, on a CPU.

    python tools/make_digit_scenes.py data/digit_scenes
    python tools/train.py configs/demo/digits_faster-rcnn_resnet20_fpn.py

400 scenes of 160×128 pixels to train on, 100 held out, with different digits. The backbone is
initialized from the demo's classifier, which configs/demo/digits_resnet20.py trains; the option
``model.backbone.init_cfg=None`` starts from random weights. The classifier was trained on digits of
16×16 pixels, those here are about twice as large: hence the stride 2 in the first stage. No flips,
since a mirrored digit is not a digit.
"""

_base_ = ["../_base_/detection_runtime.py"]

data_root = "data/digit_scenes/"
num_classes = 10
batch_size = 8
num_workers = 0  # reading such small images is faster than passing them between processes
on_bad_sample = "stop"  # or "skip": go on without unusable images and list them
epochs = 6
scale = (160, 128)
channels = 64  # of FPN and heads; usually 256 for COCO

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="RandomResize", scale=scale, ratio_range=(0.8, 1.25), keep_ratio=True),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=scale, keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),  # after Resize: boxes stay in original pixels
    dict(
        type="PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    ),
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    dataset=dict(
        type="mmresnet.CocoDataset",
        data_root=data_root,
        ann_file="annotations/instances_train.json",
        data_prefix=dict(img="train/"),
        on_bad_sample=on_bad_sample,
        pipeline=train_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=True),
    drop_last=True,
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    dataset=dict(
        type="mmresnet.CocoDataset",
        data_root=data_root,
        ann_file="annotations/instances_val.json",
        data_prefix=dict(img="val/"),
        test_mode=True,
        on_bad_sample=on_bad_sample,
        pipeline=test_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=False),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type="mmresnet.CocoMetric",
    ann_file=data_root + "annotations/instances_val.json",
    metric="bbox",
)
test_evaluator = val_evaluator

# IoU thresholds: positive from pos_iou_thr on, background below neg_iou_thr
rpn_assigner = dict(
    type="MaxIoUAssigner", pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3, ignore_iof_thr=-1
)
rcnn_assigner = dict(
    type="MaxIoUAssigner",
    pos_iou_thr=0.5,
    neg_iou_thr=0.5,
    min_pos_iou=0.5,
    match_low_quality=False,
    ignore_iof_thr=-1,
)
# few are enough: a scene has 2 to 8 digits
proposals = dict(
    nms_pre=300, max_per_img=200, nms=dict(type="nms", iou_threshold=0.7), min_bbox_size=0
)

model = dict(
    type="FasterRCNN",
    data_preprocessor=dict(
        type="DetDataPreprocessor",
        mean=[50.0] * 3,
        std=[70.0] * 3,
        bgr_to_rgb=True,
        pad_size_divisor=8,
    ),
    backbone=dict(
        type="mmresnet.CifarResNet",
        depth=20,
        strides=(2, 2, 2),
        out_indices=(1, 2),
        init_cfg=dict(
            type="Pretrained",
            prefix="backbone.",
            checkpoint="work_dirs/digits_resnet20/epoch_20.pth",
        ),
    ),
    neck=dict(type="FPN", in_channels=[32, 64], out_channels=channels, num_outs=2),
    rpn_head=dict(
        type="RPNHead",
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=dict(
            type="AnchorGenerator",
            strides=[4, 8],
            scales=[4, 6],  # squares of 16, 24, 32 and 48 pixels, and boxes of the same areas
            ratios=[1.0, 1.7],  # height over width
        ),
        bbox_coder=dict(type="DeltaXYWHBBoxCoder"),
        loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=True, loss_weight=1.0),
        loss_bbox=dict(type="L1Loss", loss_weight=1.0),
    ),
    roi_head=dict(
        type="StandardRoIHead",
        bbox_roi_extractor=dict(
            type="SingleRoIExtractor",
            roi_layer=dict(type="RoIAlign", output_size=7, sampling_ratio=2),
            out_channels=channels,
            featmap_strides=[4, 8],
            finest_scale=28,  # boxes below 2 × 28 pixels per side are pooled from the first level
        ),
        bbox_head=dict(
            type="Shared2FCBBoxHead",
            in_channels=channels,
            fc_out_channels=256,
            roi_feat_size=7,
            num_classes=num_classes,
            reg_class_agnostic=True,  # the extent of a digit does not depend on its class
            bbox_coder=dict(type="DeltaXYWHBBoxCoder", target_stds=[0.1, 0.1, 0.2, 0.2]),
            loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=False, loss_weight=1.0),
            loss_bbox=dict(type="L1Loss", loss_weight=1.0),
        ),
    ),
    train_cfg=dict(
        rpn=dict(
            assigner=rpn_assigner,
            sampler=dict(
                type="RandomSampler",
                num=128,
                pos_fraction=0.5,
                neg_pos_ub=-1,
                add_gt_as_proposals=False,
            ),
            allowed_border=-1,
            pos_weight=-1,
            debug=False,
        ),
        rpn_proposal=proposals,
        rcnn=dict(
            assigner=rcnn_assigner,
            sampler=dict(
                type="RandomSampler",
                num=64,
                pos_fraction=0.5,
                neg_pos_ub=-1,
                add_gt_as_proposals=True,
            ),
            pos_weight=-1,
            debug=False,
        ),
    ),
    test_cfg=dict(
        rpn=proposals,
        rcnn=dict(score_thr=0.05, nms=dict(type="nms", iou_threshold=0.5), max_per_img=50),
    ),
)

optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=2e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=1, end=epochs, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=batch_size)
default_hooks = dict(logger=dict(interval=10))
