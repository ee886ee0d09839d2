"""Faster R-CNN with ResNet-101 on COCO, as in the paper (He et al. 2015, Table 8), 320,000 steps.

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_c4_320k_coco2014.py 8

    data/coco/annotations/instances_train2014.json    data/coco/train2014/*.jpg
    data/coco/annotations/instances_val2014.json      data/coco/val2014/*.jpg

Source: the paper, Appendix A. Expect 27.2 box AP (48.4 at an IoU of 0.5), on val2014.

Differences: those of faster-rcnn_r101-caffe_c4_80k_voc0712. Here a step has two images for each of
8 devices, as the paper's detector; the paper's RPN has one. Each image has 64 regions. Anchors of
64 pixels are added to the three sizes, as Faster R-CNN has them for COCO; this paper gives none.
"""

_base_ = [
    "../_base_/models/faster-rcnn_r101-caffe_c4_paper.py",
    "../_base_/datasets/coco_detection.py",
    "../_base_/schedules/faster_rcnn_coco_320k.py",
    "../_base_/detection_iterations.py",
]

scale = (1000, 600)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=scale, keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
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

model = dict(
    rpn_head=dict(anchor_generator=dict(scales=[4, 8, 16, 32])),  # 64 to 512 pixels
    roi_head=dict(bbox_head=dict(num_classes={{_base_.num_classes}})),
    train_cfg=dict(rcnn=dict(sampler=dict(num=64))),
)
train_dataloader = dict(
    dataset=dict(
        ann_file="annotations/instances_train2014.json",
        data_prefix=dict(img="train2014/"),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        ann_file="annotations/instances_val2014.json",
        data_prefix=dict(img="val2014/"),
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file="data/coco/annotations/instances_val2014.json")
test_evaluator = val_evaluator
