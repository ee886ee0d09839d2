"""Faster R-CNN with Caffe-style ResNet-101 and FPN on COCO, multi-scale, 3 × 12 epochs.

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_fpn_ms-3x_coco.py 8

Source: mmdet 3.3.0, configs/faster_rcnn/faster-rcnn_r101-caffe_fpn_ms-3x_coco.py, except for its
data preprocessor, which normalises for torchvision's weights. mmdet 2.x, which published the
figure, normalised for the Caffe weights, and so does this recipe. Expect 42.0 box AP.
"""

_base_ = "./faster-rcnn_r50-caffe_fpn_ms-3x_coco.py"

model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(type="Pretrained", checkpoint="open-mmlab://detectron2/resnet101_caffe"),
    ),
)
