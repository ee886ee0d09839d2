"""ResNet-50 with CutMix (alpha 1.0) on every batch.

    tools/dist_train.sh configs/resnet50_8xb32-cutmix_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb32-cutmix_in1k.py, which uses a multi-label
head; loss and ranking of the classes are the same. It names the augmentation
``BatchCutMix``, which mmpretrain 1.x no longer has. No number is published for it.
"""

_base_ = "./resnet50_8xb32_in1k.py"

model = dict(
    head=dict(loss=dict(use_soft=True)),
    train_cfg=dict(augments=dict(type="CutMix", alpha=1.0)),
)
