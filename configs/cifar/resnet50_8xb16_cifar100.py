"""ResNet-50 with a 3×3 stem on CIFAR-100, 200 epochs on 8 × 16 images.

    tools/dist_train.sh configs/cifar/resnet50_8xb16_cifar100.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb16_cifar100.py.
Expect 79.90 % top-1.
"""

_base_ = [
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/cifar_200e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.ResNet_CIFAR", depth=50),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=100,
        in_channels=2048,
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0),
    ),
)

optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))
param_scheduler = dict(milestones=[60, 120, 160], gamma=0.2)
