"""Faster R-CNN with Caffe-style ResNet-101 and FPN on COCO, 12 epochs on 8 × 2 images.

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_fpn_1x_coco.py 8

Source: mmdet 3.3.0, configs/faster_rcnn/faster-rcnn_r101-caffe_fpn_1x_coco.py.
Expect 39.8 box AP.
"""

_base_ = "./faster-rcnn_r50-caffe_fpn_1x_coco.py"

model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(type="Pretrained", checkpoint="open-mmlab://detectron2/resnet101_caffe"),
    ),
)
