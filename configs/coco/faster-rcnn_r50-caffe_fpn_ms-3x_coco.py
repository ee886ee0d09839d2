"""Faster R-CNN with Caffe-style ResNet-50 and FPN on COCO, multi-scale, 3 × 12 epochs.

    tools/dist_train.sh configs/coco/faster-rcnn_r50-caffe_fpn_ms-3x_coco.py 8

Images are resized to a random size between 1333×640 and 1333×800. An epoch is three passes over
the data set, so validation runs after every third.

Source: mmdet 3.3.0, configs/faster_rcnn/faster-rcnn_r50-caffe_fpn_ms-3x_coco.py.
Expect 39.9 box AP.
"""

_base_ = "./faster-rcnn_r50-caffe_fpn_1x_coco.py"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="RandomResize", scale=[(1333, 640), (1333, 800)], keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="RepeatDataset",
        times=3,
        dataset=dict(
            type="mmresnet.CocoDataset",
            data_root="data/coco/",
            ann_file="annotations/instances_train2017.json",
            data_prefix=dict(img="train2017/"),
            filter_cfg=dict(filter_empty_gt=True, min_size=32),
            on_bad_sample="stop",
            pipeline=train_pipeline,
        ),
    ),
)

param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=12, milestones=[9, 11], gamma=0.1),
]
