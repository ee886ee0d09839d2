"""ResNet-1202, the paper's deepest net for CIFAR-10 (He et al. 2015, Sec. 4.2).

    python tools/train.py configs/cifar/resnet1202_1xb128_cifar10.py

Trained like ResNet-110; source and differences: see there. Expect 92.07 % top-1 (error 7.93 %,
Table 6), below ResNet-110: with 19.4 M parameters it overfits.
"""

_base_ = "./resnet110_1xb128_cifar10.py"

model = dict(backbone=dict(depth=1202))
