"""ResNetV1c-50 (He et al. 2018: the stem is three 3×3), 100 epochs.

    tools/dist_train.sh configs/resnetv1c50_8xb32_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnetv1c50_8xb32_in1k.py. Expect 77.01 % top-1.
"""

_base_ = [
    "./_base_/datasets/imagenet_pil.py",
    "./_base_/schedules/imagenet_100e.py",
    "./_base_/default_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.ResNetV1c", depth=50),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=1000,
        in_channels=2048,
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
    ),
)
