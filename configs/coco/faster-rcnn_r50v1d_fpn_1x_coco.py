"""Faster R-CNN with ResNetV1d-50 and FPN on COCO, 12 epochs on 8 × 2 images.

    tools/dist_train.sh configs/coco/faster-rcnn_r50v1d_fpn_1x_coco.py 8

The backbone has the deep stem and pooling in the shortcuts (He et al. 2018); its weights are
mmpretrain's.

Source: no published recipe; mmdet 3.3.0's configs/faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py with
another backbone. No number is published for it.
"""

_base_ = "./faster-rcnn_r50_fpn_1x_coco.py"

model = dict(
    backbone=dict(
        type="mmresnet.ResNetV1d",
        init_cfg=dict(
            type="Pretrained",
            prefix="backbone.",
            checkpoint="https://download.openmmlab.com/mmclassification/v0/resnet/"
            "resnetv1d50_b32x8_imagenet_20210531-db14775a.pth",
        ),
    ),
)
