"""Faster R-CNN with ResNet-50 and FPN on COCO, 24 epochs on 8 × 2 images.

    tools/dist_train.sh configs/coco/faster-rcnn_r50_fpn_2x_coco.py 8

Source: mmdet 3.3.0, configs/faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py. Expect 38.4 box AP.
"""

_base_ = "./faster-rcnn_r50_fpn_1x_coco.py"

param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=24, milestones=[16, 22], gamma=0.1),
]
train_cfg = dict(max_epochs=24)
