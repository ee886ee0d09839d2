"""ResNet-20 fine-tuned from published weights: a new head, layer-wise learning rate decay.

    python tools/train.py configs/cifar/resnet20-finetune-layer-lr_1xb128_cifar10-images.py

No published source. Nothing is frozen: the head has learning rate 0.03, each block 0.8 times that
of the next one, and the stem 0.03 × 0.8¹⁰ = 0.0032. No number is published; results are in
docs/fine_tuning.md, which explains the recipe step by step.
"""

_base_ = "./resnet20-finetune_1xb128_cifar10-images.py"

model = dict(backbone=dict(frozen_stages=-1))
optim_wrapper = dict(
    constructor="LearningRateDecayOptimWrapperConstructor",
    optimizer=dict(lr=0.03),
    paramwise_cfg=dict(layer_decay_rate=0.8),
)
