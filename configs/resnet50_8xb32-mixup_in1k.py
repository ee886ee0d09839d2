"""ResNet-50 with Mixup (alpha 0.2).

    tools/dist_train.sh configs/resnet50_8xb32-mixup_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb32-mixup_in1k.py, which uses a multi-label
head; loss and ranking of the classes are the same. No number is published for it.
"""

_base_ = "./resnet50_8xb32_in1k.py"

model = dict(
    head=dict(loss=dict(use_soft=True)),
    train_cfg=dict(augments=dict(type="Mixup", alpha=0.2)),
)
