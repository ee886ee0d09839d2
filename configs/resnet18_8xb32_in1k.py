"""ResNet-18 (He et al. 2015), 100 epochs on 8 × 32 images.

    tools/dist_train.sh configs/resnet18_8xb32_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet18_8xb32_in1k.py. Expect 69.90 % top-1.
"""

_base_ = "./resnet50_8xb32_in1k.py"

model = dict(backbone=dict(depth=18), head=dict(in_channels=512))
