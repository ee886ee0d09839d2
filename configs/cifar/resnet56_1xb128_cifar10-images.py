"""ResNet-56 on CIFAR-10 as a folder of images, as pytorch_resnet_cifar10 trains it, 200 epochs.

    python tools/train.py configs/cifar/resnet56_1xb128_cifar10-images.py

To test the published weights:

    python tools/test.py configs/cifar/resnet56_1xb128_cifar10-images.py WEIGHTS.th

Source: github.com/akamaster/pytorch_resnet_cifar10. Expect 93.39 % top-1 (error 6.61 %) on the
original pixels. On test images saved as lossy JPEG, the published weights reached 83.20 % here.
"""

_base_ = "./resnet20_1xb128_cifar10-images.py"

model = dict(backbone=dict(depth=56))
