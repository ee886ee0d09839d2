"""Faster R-CNN with ResNet-50 from torchvision's V2 recipe, FPN, AdamW, 12 epochs.

    tools/dist_train.sh configs/coco/faster-rcnn_r50-tnr-pre_fpn_1x_coco.py 8

Source: mmdet 3.3.0, configs/faster_rcnn/faster-rcnn_r50-tnr-pre_fpn_1x_coco.py.
Expect 40.2 box AP.
"""

_base_ = "./faster-rcnn_r50_fpn_1x_coco.py"

model = dict(
    backbone=dict(
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
        ),
    ),
)

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type="AdamW", lr=0.0001, weight_decay=0.1),
    paramwise_cfg=dict(norm_decay_mult=0.0, bypass_duplicate=True),
)
