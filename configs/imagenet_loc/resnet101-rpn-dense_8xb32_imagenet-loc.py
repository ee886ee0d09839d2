"""ImageNet localization by a per-class RPN on ResNet-101, tested on whole images at five scales.

    mmresnet test resnet101-rpn-dense_8xb32_imagenet-loc \\
        work_dirs/resnet101-rpn_8xb32_imagenet-loc/epoch_30.pth \\
        --cfg-options test_dataloader.dataset.scores=scores.npz

He et al. 2015, Table 13: 11.7 % error on the given class, and 14.4 % top-5 error with classes by
ResNet-101, for which Table 4 has 4.6 % top-5 classification error. The training is that of
``resnet101-rpn_8xb32_imagenet-loc``. The short sides are those of Sec. 3.4. The paper does not say
how scales are merged; here a class's box is that of the highest score at all scales.
"""

_base_ = "./resnet101-rpn_8xb32_imagenet-loc.py"

model = dict(test_cfg=dict(scales=(224, 256, 384, 480, 640), crop=None))
