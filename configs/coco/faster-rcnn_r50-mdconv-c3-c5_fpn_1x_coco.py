"""Faster R-CNN with ResNet-50, deformable convolutions (DCNv2) in conv3 to conv5, and FPN.

    tools/dist_train.sh configs/coco/faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py 8

12 epochs on 8 × 2 images. Source: mmdet 3.3.0,
configs/dcnv2/faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py. Expect 41.4 box AP.
"""

_base_ = "./faster-rcnn_r50_fpn_1x_coco.py"

model = dict(
    backbone=dict(
        dcn=dict(type="DCNv2", deform_groups=1, fallback_on_stride=False),
        stage_with_dcn=(False, True, True, True),
    ),
)
