"""ResNet-50 (He et al. 2015, with the stride in the 3×3), 100 epochs on 8 × 32 images.

    tools/dist_train.sh configs/resnet50_8xb32_in1k.py 8

On one device the batch is an eighth; scale the learning rate with it:

    python tools/train.py configs/resnet50_8xb32_in1k.py --auto-scale-lr

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb32_in1k.py. Expect 76.55 % top-1.
"""

_base_ = [
    "./_base_/datasets/imagenet.py",
    "./_base_/schedules/imagenet_100e.py",
    "./_base_/default_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.ResNet", depth=50),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=1000,
        in_channels=2048,
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
    ),
)
