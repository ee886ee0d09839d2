"""ResNetV1d-152 (He et al. 2018: V1c with pooling in the shortcuts), 100 epochs.

    tools/dist_train.sh configs/resnetv1d152_8xb32_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnetv1d152_8xb32_in1k.py. Expect 79.41 % top-1.
"""

_base_ = "./resnetv1d50_8xb32_in1k.py"

model = dict(backbone=dict(depth=152))
