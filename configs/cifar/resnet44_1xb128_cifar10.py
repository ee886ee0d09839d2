"""ResNet-44, the paper's net for CIFAR-10 (He et al. 2015, Sec. 4.2), 64,000 steps.

    python tools/train.py configs/cifar/resnet44_1xb128_cifar10.py

Source and differences: see resnet20_1xb128_cifar10. Expect 92.83 % top-1 (error 7.17 %, Table 6)
with 0.66 M parameters.
"""

_base_ = "./resnet20_1xb128_cifar10.py"

model = dict(backbone=dict(depth=44))
