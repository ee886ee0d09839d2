"""Plain-32: the CIFAR-10 net of 32 layers without its shortcuts (He et al. 2015, Fig. 6).

    python tools/train.py configs/cifar/plain32_1xb128_cifar10.py

Otherwise the recipe of resnet32_1xb128_cifar10. The paper gives no table for the plain nets; in its
Fig. 6 (left), their error grows with depth from 20 to 56.
"""

_base_ = "./resnet32_1xb128_cifar10.py"

model = dict(backbone=dict(type="mmresnet.CifarPlainNet"))
