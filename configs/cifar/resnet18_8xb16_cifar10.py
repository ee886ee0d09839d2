"""ResNet-18 with a 3×3 stem on CIFAR-10, 200 epochs on 8 × 16 images.

    tools/dist_train.sh configs/cifar/resnet18_8xb16_cifar10.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet18_8xb16_cifar10.py.
Expect 94.82 % top-1.
"""

_base_ = "./resnet50_8xb16_cifar10.py"

model = dict(backbone=dict(depth=18), head=dict(in_channels=512))
