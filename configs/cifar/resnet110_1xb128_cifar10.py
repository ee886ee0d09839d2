"""ResNet-110, the paper's net for CIFAR-10 (He et al. 2015, Sec. 4.2), 64,000 steps.

    python tools/train.py configs/cifar/resnet110_1xb128_cifar10.py

A learning rate of 0.1 is slightly too large at first: the paper uses 0.01 until the training error
is below 80 %, "about 400 iterations"; here it is exactly 400.

Source and differences: see resnet20_1xb128_cifar10. Expect 93.57 % top-1, the best of five runs
(6.43 %; mean 6.61 ± 0.16 %, Table 6), with 1.7 M parameters.
"""

_base_ = "./resnet20_1xb128_cifar10.py"

model = dict(backbone=dict(depth=110))

param_scheduler = [
    # step 401 has the full learning rate again
    dict(type="ConstantLR", factor=0.1, by_epoch=False, begin=0, end=401),
    dict(type="MultiStepLR", by_epoch=False, milestones=[32_000, 48_000], gamma=0.1),
]
