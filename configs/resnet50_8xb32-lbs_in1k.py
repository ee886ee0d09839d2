"""ResNet-50 with label smoothing 0.1.

    tools/dist_train.sh configs/resnet50_8xb32-lbs_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb32-lbs_in1k.py.
No number is published for it.
"""

_base_ = "./resnet50_8xb32_in1k.py"

model = dict(
    head=dict(
        loss=dict(type="mmresnet.LabelSmoothLoss", label_smooth_val=0.1, loss_weight=1.0),
    ),
)
