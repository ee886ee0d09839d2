"""ResNet-20, the paper's net for CIFAR-10 (He et al. 2015, Sec. 4.2), 64,000 steps.

    python tools/train.py configs/cifar/resnet20_1xb128_cifar10.py

Source: the paper. There, two GPUs with 64 images each compute BatchNorm statistics over 64; here
one device has all 128. Training uses all 50,000 images; the paper used the 45,000 / 5,000 split
only to choose the number of steps. Expect 91.25 % top-1 (error 8.75 %, Table 6) with 0.27 M
parameters.
"""

_base_ = [
    "../_base_/datasets/cifar10_paper.py",
    "../_base_/schedules/cifar_64k.py",
    "../_base_/iteration_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.CifarResNet", depth=20),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=10,
        in_channels=64,
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0),
    ),
)
