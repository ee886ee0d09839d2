"""ResNet-50 with a 3×3 stem and Mixup (alpha 1.0) on CIFAR-10.

    tools/dist_train.sh configs/cifar/resnet50_8xb16-mixup_cifar10.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb16-mixup_cifar10.py.
mmpretrain uses a multi-label head; loss and ranking of the classes are the same.
No number is published for it.
"""

_base_ = "./resnet50_8xb16_cifar10.py"

model = dict(
    head=dict(loss=dict(use_soft=True)),
    train_cfg=dict(augments=dict(type="Mixup", alpha=1.0)),
)
