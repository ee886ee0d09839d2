"""ResNet-18 with a 3×3 stem on CIFAR-10, 200 epochs on 8 × 16 images.

    tools/dist_train.sh configs/cifar/resnet18_8xb16_cifar10.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet18_8xb16_cifar10.py.
Expect 94.82 % top-1.
"""

_base_ = [
    "../_base_/datasets/cifar10.py",
    "../_base_/schedules/cifar_200e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.ResNet_CIFAR", depth=18),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=10,
        in_channels=512,
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0),
    ),
)
