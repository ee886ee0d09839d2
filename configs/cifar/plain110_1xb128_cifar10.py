"""Plain-110: the CIFAR-10 net of 110 layers without its shortcuts (He et al. 2015, Fig. 6).

    python tools/train.py configs/cifar/plain110_1xb128_cifar10.py

Otherwise the recipe of resnet110_1xb128_cifar10. The paper's Fig. 6 (left) leaves it out: its error
is above 60 %.
"""

_base_ = "./resnet110_1xb128_cifar10.py"

model = dict(backbone=dict(type="mmresnet.CifarPlainNet"))
