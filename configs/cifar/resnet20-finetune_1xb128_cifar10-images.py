"""ResNet-20 fine-tuned from published weights: a new head, stem and first stage frozen.

    python tools/train.py configs/cifar/resnet20-finetune_1xb128_cifar10-images.py

The weights are pytorch_resnet_cifar10's ResNet-20; ``--cfg-options checkpoint=…`` takes others: a
file, URL or name, in any layout. ``data_root=… num_classes=…`` takes other images.

No published source. The learning rate is a tenth of that for training from scratch, and constant.
No number is published; results are in docs/fine_tuning.md, which explains the recipe step by step.
"""

_base_ = "./resnet20_1xb128_cifar10-images.py"

checkpoint = "akamaster://resnet20"

model = dict(
    backbone=dict(frozen_stages=1, init_cfg=dict(type="Pretrained", checkpoint=checkpoint))
)
optim_wrapper = dict(optimizer=dict(lr=0.01))
param_scheduler = dict(_delete_=True, type="ConstantLR", factor=1.0, by_epoch=True)
train_cfg = dict(max_epochs=4)
