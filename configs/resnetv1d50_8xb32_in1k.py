"""ResNetV1d-50 (He et al. 2018: V1c with pooling in the shortcuts), 100 epochs.

    tools/dist_train.sh configs/resnetv1d50_8xb32_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnetv1d50_8xb32_in1k.py. Expect 77.54 % top-1.
"""

_base_ = "./resnetv1c50_8xb32_in1k.py"

model = dict(backbone=dict(type="mmresnet.ResNetV1d"))
