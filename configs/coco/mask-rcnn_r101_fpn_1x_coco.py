"""Mask R-CNN with ResNet-101 and FPN on COCO, 12 epochs on 8 × 2 images.

    tools/dist_train.sh configs/coco/mask-rcnn_r101_fpn_1x_coco.py 8

Source: mmdet 3.3.0, configs/mask_rcnn/mask-rcnn_r101_fpn_1x_coco.py. Expect 40.0 box AP and 36.1
mask AP.
"""

_base_ = "./mask-rcnn_r50_fpn_1x_coco.py"

model = dict(
    backbone=dict(
        depth=101, init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet101")
    ),
)
