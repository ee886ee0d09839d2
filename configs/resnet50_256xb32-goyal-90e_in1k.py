"""ResNet-50 as Goyal et al. 2017 train it, 90 epochs with 8,192 images per step: 256 × 32.

    tools/dist_train.sh configs/resnet50_256xb32-goyal-90e_in1k.py 8    # on each of 32 nodes

The learning rate is 0.1 for 256 images and grows with their number, up to 3.2 (the linear scaling
rule). It rises from 0.1 in the first 5 epochs, every iteration, and is divided by 10 after 30, 60
and 80. Norm layers have no weight decay and statistics of the 32 images of their device; the last
ones of blocks start at zero. With d devices of 32 images ``--auto-scale-lr`` gives d / 256 of the
rate, and ``optim_wrapper.accumulative_counts=K`` stands for K times as many devices.

Source: "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", Sec. 2, 3 and 5.1: errors of
23.74 ± 0.09 % with 8,192 images (23.60 ± 0.12 % with 256; 24.79 % with 16,384), mean and standard
deviation of 5 trainings. Expect 76.26 % top-1.
"""

_base_ = "./resnet50_8xb32_in1k.py"

optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=3.2, momentum=0.9, nesterov=True, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0),
)
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1 / 32,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
    dict(
        type="MultiStepLR",
        by_epoch=True,
        milestones=[30, 60, 80],
        gamma=0.1,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=90)
auto_scale_lr = dict(base_batch_size=8192)
