"""ResNet-20 on CIFAR-10 as a folder of images, as pytorch_resnet_cifar10 trains it, 200 epochs.

    python tools/train.py configs/cifar/resnet20_1xb128_cifar10-images.py

To test the published weights:

    python tools/test.py configs/cifar/resnet20_1xb128_cifar10-images.py WEIGHTS.th

Source: github.com/akamaster/pytorch_resnet_cifar10. Expect 91.73 % top-1 (error 8.27 %) on the
original pixels. On test images saved as lossy JPEG, the published weights reached 81.03 % here.
"""

_base_ = [
    "../_base_/datasets/cifar10_images.py",
    "../_base_/schedules/cifar_200e.py",
    "../_base_/default_runtime.py",
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
