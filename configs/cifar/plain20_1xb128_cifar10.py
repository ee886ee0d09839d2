"""Plain-20: the CIFAR-10 net of 20 layers without its shortcuts (He et al. 2015, Fig. 6).

    python tools/train.py configs/cifar/plain20_1xb128_cifar10.py

Otherwise the recipe of resnet20_1xb128_cifar10. The paper gives no table for the plain nets; in its
Fig. 6 (left), their error grows with depth from 20 to 56.
"""

_base_ = "./resnet20_1xb128_cifar10.py"

model = dict(backbone=dict(type="mmresnet.CifarPlainNet"))
