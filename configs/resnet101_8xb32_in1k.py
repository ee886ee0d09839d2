"""ResNet-101 (He et al. 2015), 100 epochs on 8 × 32 images.

    tools/dist_train.sh configs/resnet101_8xb32_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet101_8xb32_in1k.py. Expect 77.97 % top-1.
"""

_base_ = "./resnet50_8xb32_in1k.py"

model = dict(backbone=dict(depth=101))
