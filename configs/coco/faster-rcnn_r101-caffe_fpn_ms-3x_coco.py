"""Faster R-CNN with ResNet-101 in caffe's style and FPN on COCO, many sizes, 3 × 12 epochs.

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_fpn_ms-3x_coco.py 8

Source: mmdet 3.3.0, configs/faster_rcnn/faster-rcnn_r101-caffe_fpn_ms-3x_coco.py, but for its data
preprocessor: it normalises as torchvision's weights want it. mmdet 2.x, which published the
figure, normalised for the caffe weights, and so does this. Expect 42.0 box AP.
"""

_base_ = "./faster-rcnn_r50-caffe_fpn_ms-3x_coco.py"

model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(type="Pretrained", checkpoint="open-mmlab://detectron2/resnet101_caffe"),
    ),
)
