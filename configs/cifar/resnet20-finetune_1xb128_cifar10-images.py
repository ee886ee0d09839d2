"""ResNet-20 fine-tuned from published weights: a new head, and the stem and first stage frozen.

    python tools/train.py configs/cifar/resnet20-finetune_1xb128_cifar10-images.py

``--cfg-options checkpoint=…`` is for other weights: a file, address or name in any layout. The
default is pytorch_resnet_cifar10's ResNet-20. ``data_root=… num_classes=…`` is for other images.

It has no source. The learning rate is a tenth of the recipe's, and stays, since four epochs do not
reach the first milestone of the schedule. No number is published; docs/fine_tuning.md, which goes
through it, has what it reached.
"""

_base_ = "./resnet20_1xb128_cifar10-images.py"

checkpoint = "akamaster://resnet20"

model = dict(
    backbone=dict(frozen_stages=1, init_cfg=dict(type="Pretrained", checkpoint=checkpoint))
)
optim_wrapper = dict(optimizer=dict(lr=0.01))
train_cfg = dict(max_epochs=4)
