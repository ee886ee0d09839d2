"""Faster R-CNN with ResNet-18 and FPN on COCO, 24 epochs on 8 × 2 images.

    tools/dist_train.sh configs/coco/faster-rcnn_r18_fpn_2x_coco.py 8

Source: no published recipe; mmdet 3.3.0's configs/faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py
with the backbone of its configs/retinanet/retinanet_r18_fpn_1x_coco.py. No number is published for
it.
"""

_base_ = "./faster-rcnn_r50_fpn_2x_coco.py"

model = dict(
    backbone=dict(depth=18, init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet18")),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
