"""ResNet-20 fine-tuned from published weights: a new head, and slower layers nearer to the image.

    python tools/train.py configs/cifar/resnet20-finetune-layer-lr_1xb128_cifar10-images.py

It has no source. Nothing is frozen: the head has the learning rate 0.03, each block 0.8 of that of
the one above it, and the stem 0.03 × 0.8¹⁰ = 0.0032. No number is published; docs/fine_tuning.md,
which goes through it, has what it reached.
"""

_base_ = "./resnet20-finetune_1xb128_cifar10-images.py"

model = dict(backbone=dict(frozen_stages=-1))
optim_wrapper = dict(
    constructor="LearningRateDecayOptimWrapperConstructor",
    optimizer=dict(lr=0.03),
    paramwise_cfg=dict(layer_decay_rate=0.8),
)
