"""Faster R-CNN with ResNet-18 and FPN on a small custom data set, from random weights.

    tools/train.py configs/custom/faster-rcnn_r18_fpn_scratch.py --cfg-options data_root=my_coco

For a few hundred images and objects of at least 20 pixels, on a CPU or one GPU; the classes are
those of the annotation file. docs/custom_detection.md explains it step by step, with results on
photographs of blood cells.

No published source. For small machines: images of 480×360, FPN with 128 channels from stride 8 on,
a few hundred proposals, bfloat16 in channels-last order. For random weights: trainable BatchNorm,
AdamW with a one-cycle schedule, and an exponential moving average of the weights over about the
last thousand steps, which is what is tested.
"""

_base_ = ["../_base_/detection_runtime.py"]

data_root = "data/custom/"
batch_size = 4
num_workers = 2
on_bad_sample = "stop"  # or "skip": go on without unusable images and list them
epochs = 32
scale = (480, 360)
channels = 128  # of FPN and heads

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=scale, keep_ratio=True),
    dict(
        type="RandomFlip",  # use only 'horizontal' where images have an up and a down
        prob=[0.25, 0.25, 0.25],
        direction=["horizontal", "vertical", "diagonal"],
    ),
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
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        type="mmresnet.CocoDataset",
        data_root=data_root,
        ann_file="annotations/instances_train.json",
        data_prefix=dict(img="train/"),
        on_bad_sample=on_bad_sample,
        pipeline=train_pipeline,
    ),
    drop_last=True,
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmresnet.CocoDataset",
        data_root=data_root,
        ann_file="annotations/instances_val.json",
        data_prefix=dict(img="val/"),
        test_mode=True,
        on_bad_sample=on_bad_sample,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type="mmresnet.CocoMetric",
    ann_file=data_root + "annotations/instances_val.json",
    metric="bbox",
)
test_evaluator = val_evaluator

proposals = dict(
    nms_pre=500, max_per_img=300, nms=dict(type="nms", iou_threshold=0.7), min_bbox_size=0
)

model = dict(
    type="FasterRCNN",
    data_preprocessor=dict(
        type="DetDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(type="mmresnet.ResNet", depth=18, out_indices=(1, 2, 3)),
    neck=dict(type="FPN", in_channels=[128, 256, 512], out_channels=channels, num_outs=4),
    rpn_head=dict(
        type="RPNHead",
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=dict(
            type="AnchorGenerator",
            octave_base_scale=4,  # squares of 32 and 45 pixels at stride 8, doubled with each level
            scales_per_octave=2,
            ratios=[0.5, 1.0, 2.0],
            strides=[8, 16, 32, 64],
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
            featmap_strides=[8, 16, 32],
        ),
        bbox_head=dict(
            type="Shared2FCBBoxHead",
            in_channels=channels,
            fc_out_channels=512,
            roi_feat_size=7,
            num_classes=80,  # follows the annotation file
            reg_class_agnostic=True,
            bbox_coder=dict(type="DeltaXYWHBBoxCoder", target_stds=[0.1, 0.1, 0.2, 0.2]),
            loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=False, loss_weight=1.0),
            loss_bbox=dict(type="L1Loss", loss_weight=1.0),
        ),
    ),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(
                type="MaxIoUAssigner",
                pos_iou_thr=0.7,
                neg_iou_thr=0.3,
                min_pos_iou=0.3,
                match_low_quality=True,
                ignore_iof_thr=-1,
            ),
            sampler=dict(
                type="RandomSampler",
                num=256,
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
            assigner=dict(
                type="MaxIoUAssigner",
                pos_iou_thr=0.5,
                neg_iou_thr=0.5,
                min_pos_iou=0.5,
                match_low_quality=False,
                ignore_iof_thr=-1,
            ),
            sampler=dict(
                type="RandomSampler",
                num=128,
                pos_fraction=0.25,
                neg_pos_ub=-1,
                add_gt_as_proposals=True,
            ),
            pos_weight=-1,
            debug=False,
        ),
    ),
    test_cfg=dict(
        rpn=proposals,
        rcnn=dict(score_thr=0.01, nms=dict(type="nms", iou_threshold=0.5), max_per_img=100),
    ),
)

optim_wrapper = dict(
    type="mmresnet.AmpOptimWrapper",
    optimizer=dict(type="AdamW", lr=6e-4, weight_decay=0.05, fused=True),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [
    dict(
        type="OneCycleLR",
        eta_max=6e-4,
        total_steps=epochs,
        pct_start=0.15,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=epochs, val_interval=8)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")

custom_hooks = [
    dict(type="mmresnet.ChannelsLastHook"),
    dict(
        type="EMAHook",
        ema_type="ExpMomentumEMA",
        momentum=0.001,
        gamma=200,  # the average spans few steps at first; gamma sets how fast it grows
        update_buffers=True,
    ),
]
default_hooks = dict(logger=dict(interval=20))
auto_scale_lr = dict(base_batch_size=batch_size)
