"""ResNetV1c-101 (He et al. 2018: the stem is three 3×3), 100 epochs.

    tools/dist_train.sh configs/resnetv1c101_8xb32_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnetv1c101_8xb32_in1k.py. Expect 78.30 % top-1.
"""

_base_ = "./resnetv1c50_8xb32_in1k.py"

model = dict(backbone=dict(depth=101))
