"""ResNet-18 (He et al. 2015), 100 epochs on 8 × 32 images.

    tools/dist_train.sh configs/resnet18_8xb32_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet18_8xb32_in1k.py. Expect 69.90 % top-1.
"""

_base_ = [
    "./_base_/datasets/imagenet.py",
    "./_base_/schedules/imagenet_100e.py",
    "./_base_/default_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.ResNet", depth=18),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=1000,
        in_channels=512,
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
    ),
)
