"""ResNet-101 with a 3×3 stem on CIFAR-10, 200 epochs on 8 × 16 images.

    tools/dist_train.sh configs/cifar/resnet101_8xb16_cifar10.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet101_8xb16_cifar10.py.
Expect 95.58 % top-1.
"""

_base_ = "./resnet50_8xb16_cifar10.py"

model = dict(backbone=dict(depth=101))
