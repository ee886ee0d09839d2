"""ResNetV1c-152 (He et al. 2018: the stem is three 3×3), 100 epochs.

    tools/dist_train.sh configs/resnetv1c152_8xb32_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnetv1c152_8xb32_in1k.py. Expect 78.76 % top-1.
"""

_base_ = "./resnetv1c50_8xb32_in1k.py"

model = dict(backbone=dict(depth=152))
