"""Faster R-CNN with ResNet-50 from procedure A1 of ResNet Strikes Back, FPN, AdamW, 12 epochs.

    tools/dist_train.sh configs/coco/faster-rcnn_r50-rsb-pre_fpn_1x_coco.py 8

Source: mmdet 3.3.0, configs/resnet_strikes_back/faster-rcnn_r50-rsb-pre_fpn_1x_coco.py.
Expect 40.8 box AP.
"""

_base_ = "./faster-rcnn_r50_fpn_1x_coco.py"

model = dict(
    backbone=dict(
        init_cfg=dict(
            type="Pretrained",
            prefix="backbone.",
            checkpoint="https://download.openmmlab.com/mmclassification/v0/resnet/"
            "resnet50_8xb256-rsb-a1-600e_in1k_20211228-20e21305.pth",
        ),
    ),
)

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type="AdamW", lr=0.0002, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bypass_duplicate=True),
)
